package mjpeg

import (
	"bytes"
	"image/jpeg"
	"runtime"
	"testing"
)

// flat returns a picture of one grey, with as few bytes as it can have: of each block a bit for DC, and one for AC unless
// the picture is progressive. Its first scan has all components. If there are more, each further scan has the first
// component's AC, in some bytes.
func flat(kind byte, width, height, components, scans int) []byte {
	frame := []byte{8, byte(height >> 8), byte(height), byte(width >> 8), byte(width), byte(components)}
	scan, further := []byte{byte(components)}, segment(markerSOS, 1, 1, 0, 1, 63, 0)
	for i := range components {
		frame, scan = append(frame, byte(i+1), 0x11, 0), append(scan, byte(i+1), 0)
	}
	bits := (width + 7) / 8 * ((height + 7) / 8) * components
	if kind == markerSOF2 {
		scan = append(scan, 0, 0, 0)
	} else {
		scan, bits = append(scan, 0, 63, 0), 2*bits
	}
	code := make([]byte, 17) // one code word of one bit, for the symbol 0: no difference of DC, or the end of a block
	code[0] = 1
	b := join(soi, segment(markerDQT, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...), segment(kind, frame...),
		segment(markerDHT, append([]byte{0x00}, code...)...), segment(markerDHT, append([]byte{0x10}, code...)...),
		segment(markerSOS, scan...), make([]byte, (bits+7)/8))
	for range scans - 1 {
		b = append(append(b, further...), make([]byte, (width+7)/8*((height+7)/8)/8+1)...)
	}
	return append(b, 0xFF, markerEOI)
}

func TestTooLarge(t *testing.T) {
	claim := func(width, height int, kind byte, scans int) []byte { // with more bytes than needed, and none of them decoded
		return join(flat(kind, width, height, 1, scans), bytes.Repeat([]byte{1}, 10_000_000))
	}
	for name, test := range map[string]struct {
		jpeg []byte
		most int
		want bool
	}{
		"nothing":                       {nil, 0, false},
		"no size":                       {[]byte{0xFF, 0xD8, 0xFF, 0xD9}, 0, false},
		"8K":                            {claim(7680, 4320, markerSOF0, 1), 0, false},
		"as many pixels as may":         {claim(8192, 4096, markerSOF0, 1), 0, false},
		"a row more":                    {claim(8192, 4097, markerSOF0, 1), 0, true},
		"a higher limit":                {claim(12000, 10000, markerSOF0, 1), 120_000_000, false},
		"above it":                      {claim(12000, 10001, markerSOF0, 1), 120_000_000, true},
		"a lower limit":                 {claim(640, 480, markerSOF0, 1), 640 * 480, false},
		"above that":                    {claim(640, 481, markerSOF0, 1), 640 * 480, true},
		"all that can be said":          {claim(0xFFFF, 0xFFFF, markerSOF0, 1), 0, true}, // more than 32 bits hold
		"4K, progressive":               {claim(3840, 2160, markerSOF2, 1), 0, false},
		"8K, progressive":               {claim(7680, 4320, markerSOF2, 1), 0, true},
		"8K, arithmetic":                {claim(7680, 4320, 0xC9, 1), 0, true},
		"as few bytes as there can be":  {flat(markerSOF0, 1000, 1000, 3, 1), 0, false},
		"fewer, progressive":            {flat(markerSOF2, 1000, 1000, 1, 1), 0, false},
		"fewer than there can be":       {flat(markerSOF2, 800, 800, 1, 1)[:1200], 0, true},
		"arithmetic coding takes fewer": {flat(0xC9, 800, 800, 1, 1)[:1200], 0, false},
		"ten scans":                     {claim(2000, 3000, markerSOF2, 10), 0, false},
		"a thousand scans":              {claim(2000, 3000, markerSOF2, 1000), 0, true},
		"scans of a few pixels":         {claim(16, 16, markerSOF2, 1000), 0, false},
		"ten thousand of them":          {claim(16, 16, markerSOF2, 10_000), 0, true},
	} {
		if got := TooLarge(test.jpeg, test.most); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// image/jpeg allocates no more than what the shape says, and little less.
func TestShapeMemory(t *testing.T) {
	for _, kind := range []byte{markerSOF0, markerSOF2} {
		for _, components := range []int{1, 3, 4} {
			for _, sampling := range []byte{0x11, 0x22, 0x21, 0x41} {
				b := flat(kind, 1000, 600, components, 1)
				at := bytes.Index(b, []byte{0xFF, kind}) + 11
				b[at] = sampling
				if components == 4 {
					b[at+9] = sampling
					b = join(soi, segment(markerAPP14, []byte("Adobe\x00\x00\x00\x00\x00\x00\x00")...), b[2:])
				}
				got, err := allocated(b)
				if err != nil {
					t.Logf("kind %x of %d components, %x: %v", kind, components, sampling, err)
					continue
				}
				if want := shapeOf(b).memory(); got > want+1<<20 || got < want/2 {
					t.Errorf("kind %x of %d components, %x: it takes %d bytes, want %d", kind, components, sampling, got, want)
				}
			}
		}
	}
}

// allocated is how many bytes image/jpeg allocates for a picture.
func allocated(picture []byte) (n int64, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = jpeg.Decode(bytes.NewReader(picture))
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc), err
}
