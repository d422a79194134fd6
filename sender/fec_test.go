package sender

import "testing"

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
