package cmdline

import (
	"image"
	"testing"
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
