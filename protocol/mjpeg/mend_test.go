package mjpeg

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"udpcam/internal/fuzzcost"
)

// mendAll returns the pictures that a mending reader finds, and what it leaves out.
func mendAll(r io.Reader) (pictures [][]byte, skipped []Reason) {
	reader := NewReader(r, ReaderOptions{Mend: true, Skip: func(reason Reason) { skipped = append(skipped, reason) }})
	for {
		picture, err := reader.Next()
		if err != nil {
			return pictures, skipped
		}
		pictures = append(pictures, picture)
	}
}

// part is a part of a multipart stream as most cameras write it.
func part(picture []byte) []byte {
	return fmt.Appendf(nil, "--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(picture), picture)
}

// What decoders show is taken, and comes out as it should be. Of three pictures in a row none is lost.
func TestMend(t *testing.T) {
	full, noTables := bare(t)
	dqt := bytes.Index(full, []byte{0xFF, markerDQT})
	sof := bytes.Index(full, []byte{0xFF, markerSOF0})
	insert := func(at int, what string) []byte { return slices.Insert(bytes.Clone(full), at, []byte(what)...) }
	restarts := streetPictures(t)[6]
	for name, tt := range map[string]struct{ given, want []byte }{
		"whole":                         {full, full},
		"a byte between segments":       {insert(sof, "\x00"), full},
		"text between segments":         {insert(sof, "padding \xFF\x00 to a multiple"), full},
		"a byte behind the SOI":         {insert(dqt, "\x00"), full},
		"a restart marker":              {insert(sof, "\xFF\xD0"), full},
		"1,000 zeros":                   {insert(sof, strings.Repeat("\x00", 1000)), full},
		"zeros at two places":           {slices.Insert(insert(sof, "\x00\x00"), dqt, 0, 0), full},
		"two SOIs":                      {insert(0, "\xFF\xD8"), full},
		"a second SOI behind a segment": {insert(sof, "\xFF\xD8"), full},
		"zeros before the SOI":          {insert(0, "\x00\x00\x00"), full},
		"no EOI":                        {full[:len(full)-2], full},
		"half an EOI":                   {full[:len(full)-1], full},
		"no tables":                     {noTables, full},
		"no tables, no EOI":             {noTables[:len(noTables)-2], full},
		"a byte too many, no EOI":       {insert(sof, "\x00")[:len(full)-1], full},
		"another camera's, no EOI":      {restarts[:len(restarts)-2], restarts},
	} {
		t.Run(name, func(t *testing.T) {
			want := [][]byte{tt.want, tt.want, tt.want}
			bare, parts := bytes.Repeat(tt.given, 3), bytes.Repeat(part(tt.given), 3)
			noLength := bytes.ReplaceAll(parts, []byte("Content-Length"), []byte("X"))
			for way, r := range map[string]io.Reader{
				"bare": bytes.NewReader(bare), "in parts": bytes.NewReader(parts), "without length": bytes.NewReader(noLength),
				"byte by byte": iotest.OneByteReader(bytes.NewReader(parts)), "last": iotest.DataErrReader(bytes.NewReader(parts)),
			} {
				if got, skipped := mendAll(r); !samePictures(got, want) || len(skipped) > 0 {
					t.Errorf("%s: pictures of %d bytes, want %d; left out %v", way, sizes(got), sizes(want), skipped)
				}
			}
			img, err := jpeg.Decode(bytes.NewReader(tt.want))
			if err != nil || img.Bounds().Empty() {
				t.Error(err)
			}
		})
	}
}

// A picture without an EOI comes as soon as its last byte is there, if its part says how long it is.
func TestMendAtOnce(t *testing.T) {
	full, _ := bare(t)
	in, out := io.Pipe()
	defer out.Close()
	go out.Write(part(full[:len(full)-2]))
	if got, err := NewReader(in, ReaderOptions{Mend: true}).Next(); err != nil || !bytes.Equal(got, full) {
		t.Errorf("%d bytes, want %d: %v", len(got), len(full), err)
	}
}

// A picture that was cut off is left out, wherever that was, and so is one that is damaged. What follows it is not.
func TestMendNot(t *testing.T) {
	full, _ := bare(t)
	for cut := 300; cut < len(full)-3; cut += 97 {
		for _, stream := range [][]byte{
			slices.Concat(full[:cut], full), slices.Concat(part(full[:cut]), part(full)),
		} {
			if got, skipped := mendAll(bytes.NewReader(stream)); !samePictures(got, [][]byte{full}) || len(skipped) == 0 {
				t.Fatalf("cut at %d: pictures of %d bytes, left out %v", cut, sizes(got), skipped)
			}
		}
	}
	sof := bytes.Index(full, []byte{0xFF, markerSOF0})
	far := slices.Insert(bytes.Clone(full), sof, make([]byte, 2000)...)
	progressive := bytes.Replace(full[:len(full)-2], []byte{0xFF, 0xC0}, []byte{0xFF, 0xC2}, 1)
	for name, broken := range map[string][]byte{"2,000 zeros": far, "no EOI, progressive": progressive} {
		if got, skipped := mendAll(bytes.NewReader(broken)); len(got) > 0 || len(skipped) != 1 {
			t.Errorf("%s: %d pictures, left out %v", name, len(got), skipped)
		}
	}
}

func TestFieldOf(t *testing.T) {
	full, _ := bare(t)
	for polarity, want := range []int{0, 1, 2, 0} {
		app0 := append([]byte{0xFF, markerAPP0, 0, 16}, "AVI1\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
		app0[8] = byte(polarity)
		if got := FieldOf(slices.Insert(bytes.Clone(full), 2, app0...)); got != want {
			t.Errorf("polarity %d: field %d, want %d", polarity, got, want)
		}
	}
	if FieldOf(full) != 0 {
		t.Error("a whole picture passes for a field")
	}
}

// Whatever is mended is a whole picture, and that takes work in proportion to the bytes.
func FuzzMend(f *testing.F) {
	small := tiny(1, 2, 3)
	f.Add(small)
	f.Add(small[:len(small)-2])
	f.Add(part(slices.Insert(bytes.Clone(small), 2, 0, 0xFF, 0xD8, 0)))
	for _, p := range picturesIn(f, "small") {
		f.Add(slices.Concat(part(p[:len(p)-2]), p[:len(p)/2], part(p)))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		stream = stream[:min(len(stream), 20_000)]
		var pictures [][]byte
		bound := fuzzcost.Bound{Bytes: 4 * firstSize, Time: 2 * time.Millisecond}.Plus(len(stream), 512, 4*time.Microsecond)
		fuzzcost.Check(t, bound, func() { pictures, _ = mendAll(bytes.NewReader(stream)) })
		for _, picture := range pictures {
			if err := Check(picture); err != nil {
				t.Error(err)
			}
		}
	})
}
