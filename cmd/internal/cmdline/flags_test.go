package cmdline

import (
	"image"
	"testing"

	"udpcam/sender"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]image.Point{
		"":            {},
		"1280x720":    {X: 1280, Y: 720},
		"1x1":         {X: 1, Y: 1},
		"1280":        {},
		"1280x":       {},
		"x720":        {},
		"0x720":       {},
		"-1x720":      {},
		"+1x720":      {},
		"1280x720x3":  {},
		"1280 x720":   {},
		"1280X720":    {},
		"1280x720 ":   {},
		"99999999999": {},
	} {
		if got, err := ParseSize(text); got != want || (err != nil) != (text != "" && want == image.Point{}) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestParseFEC(t *testing.T) {
	for in, want := range map[string]sender.FEC{
		"":      {},
		"auto":  {},
		"off":   sender.FECOff,
		"0%":    sender.FECOff,
		"20%":   sender.FECShare(0.2),
		"12.5%": sender.FECShare(0.125),
		"100%":  sender.FECShare(1),
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

func TestParsePace(t *testing.T) {
	for in, want := range map[string]sender.Pace{
		"":        {},
		"auto":    {},
		"25%":     sender.PaceShare(0.25),
		"100%":    sender.PaceShare(1),
		"off":     sender.PaceOff,
		"200":     sender.PaceRate(200e6),
		"200mbit": sender.PaceRate(200e6),
		"0.5Mbit": sender.PaceRate(0.5e6),
	} {
		got, err := ParsePace(in)
		if err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"0%", "101%", "-1", "0", "x", "200kbit", "1e9", "NaN", "mbit"} {
		if got, err := ParsePace(in); err == nil {
			t.Errorf("%q is %v, want an error", in, got)
		}
	}
}
