package mjpeg

import (
	"bytes"
	"image"
	"image/jpeg"
	"slices"
	"testing"
)

func TestSize(t *testing.T) {
	sof := func(code byte, height, width int) []byte {
		return segment(code, 8, byte(height>>8), byte(height), byte(width>>8), byte(width), 1, 1, 0x11, 0)
	}
	junk := []byte{1, 0xFF, 0, 0xFF, 0xD0, 0xFF, 1, 0xFF, 0xFF}
	for _, c := range []struct {
		name string
		jpeg []byte
		want image.Point // zero where an error is wanted
	}{
		{"the largest", join(soi, sof(markerSOF0, 65535, 65535)), image.Pt(65535, 65535)},
		{"behind a thumbnail", join(soi, exif(tiny()), sof(0xC2, 480, 640)), image.Pt(640, 480)},
		{"arithmetic", join(soi, sof(0xCA, 480, 640)), image.Pt(640, 480)},
		{"hierarchical", join(soi, sof(markerDHP, 480, 640), sof(0xC1, 60, 80)), image.Pt(640, 480)},
		{"junk between segments", join(soi, segment(0xE0), junk, sof(markerSOF0, 2, 1)), image.Pt(1, 2)},
		{"the first of two", join(soi, sof(markerSOF0, 2, 1), sof(markerSOF0, 20, 10)), image.Pt(1, 2)},

		{name: "nothing"},
		{name: "no JPEG", jpeg: []byte("GIF89a")},
		{name: "a SOI alone", jpeg: soi},
		{name: "a marker alone", jpeg: join(soi, []byte{0xFF, 0xE0, 0})},
		{name: "no width", jpeg: join(soi, sof(markerSOF0, 480, 0))},
		{name: "height in a DNL", jpeg: join(soi, sof(markerSOF0, 0, 640))},
		{name: "cut off", jpeg: join(soi, sof(markerSOF0, 480, 640)[:12])},
		{name: "cut off in a segment", jpeg: join(soi, exif(tiny())[:30])},
		{name: "frame header too short", jpeg: join(soi, segment(markerSOF0, 8, 1, 1, 1, 1))},
		{name: "length too short", jpeg: join(soi, []byte{0xFF, 0xE0, 0, 1}, sof(markerSOF0, 480, 640))},
		{name: "scan before frame", jpeg: join(soi, scanHeader, sof(markerSOF0, 480, 640))},
		{name: "reserved marker", jpeg: join(soi, segment(0x02), sof(markerSOF0, 480, 640))},
		{name: "another picture inside", jpeg: join(soi, soi, sof(markerSOF0, 480, 640))},
	} {
		got, err := Size(c.jpeg)
		if got != c.want || (err == nil) != (c.want != image.Point{}) {
			t.Errorf("%s: got %v and %v, want %v", c.name, got, err, c.want)
		}
	}
}

func TestSizeRealPictures(t *testing.T) {
	for _, p := range slices.Concat(picturesIn(t, "street"), picturesIn(t, "small")) {
		got, err := Size(p)
		if err != nil {
			t.Fatal(err)
		}
		want, err := jpeg.DecodeConfig(bytes.NewReader(p))
		if err != nil { // arithmetic coding: the decoder does not know it
			want.Width, want.Height = 40, 24
		}
		if got != image.Pt(want.Width, want.Height) {
			t.Errorf("got %v, the decoder says %dx%d", got, want.Width, want.Height)
		}
	}
}
