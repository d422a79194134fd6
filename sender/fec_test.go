package sender

import "testing"

func TestParseFEC(t *testing.T) {
	for in, want := range map[string]FEC{
		"":      {},
		"auto":  {},
		"off":   FECOff,
		"0%":    FECOff,
		"20%":   FECShare(0.2),
		"12.5%": FECShare(0.125),
		"100%":  FECShare(1),
	} {
		got, err := ParseFEC(in)
		if err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", in, got, err, want)
		}
		if again, err := ParseFEC(got.String()); err != nil || again != got {
			t.Errorf("%q is written as %q, which is %v, %v", in, got, again, err)
		}
	}
	for _, in := range []string{"20", "x%", "-1%", "101%", "%", "NaN%", "Inf%", "on"} {
		if got, err := ParseFEC(in); err == nil {
			t.Errorf("%q is %v, want an error", in, got)
		}
	}
}

func TestFECSegments(t *testing.T) {
	for _, c := range []struct {
		fec     FEC
		k, want int
	}{
		{FECOff, 56, 0}, {FECShare(0.2), 56, 12}, {FECShare(0.2), 1, 1}, {FECShare(0.1), 10, 1}, {FECShare(1), 56, 56}, {FECShare(7), 3, 3},
	} {
		if got := c.fec.segments(c.k); got != c.want {
			t.Errorf("%v of %d segments: %d of parity, want %d", c.fec, c.k, got, c.want)
		}
	}
}
