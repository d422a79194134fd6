package mjpeg

import (
	"slices"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, p := range slices.Concat(picturesIn(t, "street"), picturesIn(t, "small"), [][]byte{tiny(1)}) {
		if err := Check(p); err != nil {
			t.Errorf("a picture of %d bytes: %v", len(p), err)
		}
	}

	a := tiny(1, 2, 3)
	for name, c := range map[string]struct {
		jpeg []byte
		says string
	}{
		"nothing":       {nil, "does not begin with an SOI"},
		"text":          {[]byte("hello"), "does not begin with an SOI"},
		"junk before":   {join([]byte{0}, a), "does not begin with an SOI"},
		"junk behind":   {join(a, []byte{0}), "1 bytes stand behind"},
		"two":           {join(a, a), "bytes stand behind"},
		"cut off":       {a[:len(a)-1], "cut off after 29 bytes"},
		"SOI and EOI":   {join(soi, eoi), "broken at byte 2"},
		"no scan":       {join(soi, frameHeader, eoi), "broken at byte 15"},
		"lying segment": {join(soi, []byte{0xFF, 0xE0, 0, 3}, a[2:]), "broken at byte 7"},
		"one in a scan": {join(a[:len(a)-2], a), "broken at byte 28"},
	} {
		if err := Check(c.jpeg); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want an error that says %q", name, err, c.says)
		}
	}

	for cut := range a {
		if Check(a[:cut]) == nil {
			t.Errorf("the first %d bytes of %d pass as a whole picture", cut, len(a))
		}
	}
}
