package mjpeg

import (
	"strings"
	"testing"
)

func TestTooLarge(t *testing.T) {
	// claim returns only the headers of a JPEG: a frame header, and that many scan headers.
	claim := func(height, width, scans int) []byte {
		return []byte("\xff\xd8\xff\xc2\x00\x0b\x08" + string([]byte{byte(height >> 8), byte(height), byte(width >> 8), byte(width)}) +
			"\x01\x01\x11\x00" + strings.Repeat("\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00", scans) + "\xff\xd9")
	}
	for name, test := range map[string]struct {
		jpeg []byte
		want bool
	}{
		"nothing":               {nil, false},
		"no size":               {[]byte{0xFF, 0xD8, 0xFF, 0xD9}, false},
		"as many pixels as may": {claim(8192, 8192, 1), false},
		"a row more":            {claim(8193, 8192, 1), true},
		"all that can be said":  {claim(0xFFFF, 0xFFFF, 1), true}, // more than 32 bits hold
		"ten scans":             {claim(2000, 3000, 10), false},
		"a thousand scans":      {claim(2000, 3000, 1000), true},
		"scans of a few pixels": {claim(16, 16, 1000), false},
	} {
		if got := TooLarge(test.jpeg); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
