package mjpeg

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
)

// FuzzReader compares the Reader with the oracle. Both must find the same pictures and leave out the same, in whatever
// portions the bytes arrive.
func FuzzReader(f *testing.F) {
	for _, c := range streamCases(f) {
		if len(c.stream) < 10_000 {
			f.Add(c.stream, uint16(c.limit), uint64(1))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, limit uint16, seed uint64) {
		stream = stream[:min(len(stream), 20_000)] // more finds nothing new, and takes long
		most := int(limit)
		if most == 0 {
			most = defaultMaxFrameSize
		}
		want, wantSkips := oracle(stream, most)
		for _, chunking := range someChunkings(stream, seed) {
			got, skips := readCheaply(t, stream, seed, chunking, int(limit))
			if !samePictures(got, want) {
				t.Errorf("%s: pictures of %d bytes, want %d", chunking, sizes(got), sizes(want))
			}
			if !slices.Equal(skips, wantSkips) {
				t.Errorf("%s: left out %q, want %q", chunking, skips, wantSkips)
			}
		}
		for _, picture := range want {
			if err := Check(picture); err != nil {
				t.Error(err)
			}
			if len(picture) > most {
				t.Errorf("a picture of %d bytes at a limit of %d", len(picture), most)
			}
		}
	})
}

// readCheaply reads all pictures of a stream that comes in one of the chunkings. The work must be proportional to the bytes.
func readCheaply(t *testing.T, stream []byte, seed uint64, chunking string, limit int) (pictures [][]byte, skips []Reason) {
	bound := fuzzcost.Bound{Bytes: 2 * firstSize, Time: time.Millisecond}.Plus(len(stream), 64, time.Microsecond)
	fuzzcost.Check(t, bound, func() { pictures, skips = readAll(t, chunkings(stream, seed)[chunking], limit) })
	return pictures, skips
}

// FuzzMultipart wraps pictures and junk in multipart text of many spellings. Each byte of choices is one part: which
// picture it holds, and how it is written.
func FuzzMultipart(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7}, []byte("junk"), uint64(1))
	f.Add([]byte{0x00, 0x18, 0x28, 0x38, 0x48, 0x58, 0x68, 0x78}, []byte{1, 2, 0xFF, 0xD8, 0xFF, 0xE0}, uint64(2))
	f.Add([]byte{0x80, 0x91, 0xA2, 0xB3, 0xC4, 0xD5, 0xE6, 0xF7}, []byte("\r\n\r\n--x"), uint64(3))
	f.Add([]byte{}, []byte{}, uint64(4))

	var pictures [][]byte
	for _, p := range picturesIn(f, "small") {
		pictures = append(pictures, p, with(p, exif(tiny(1, 2, 3))))
	}
	f.Fuzz(func(t *testing.T, choices, junk []byte, seed uint64) {
		choices, junk = choices[:min(len(choices), 100)], junk[:min(len(junk), 10_000)] // more finds nothing new
		junk = bytes.ReplaceAll(junk, soi[:1], []byte{0xFE})                            // so that no picture begins in it
		for len(junk) > 0 && junk[0] == markerEOI {
			junk = junk[1:] // nor one that is cut off behind an FF ends with it
		}
		rng := rand.New(rand.NewPCG(seed, 0))
		var stream []byte
		var want [][]byte
		for _, choice := range choices {
			p := pictures[rng.IntN(len(pictures))]
			stream = append(stream, spellHeader(choice, len(p), rng)...)
			if choice&0x40 != 0 {
				stream = append(stream, p[:2+rng.IntN(len(p)-2)]...) // cut off
			} else {
				stream = append(stream, p...)
				want = append(want, p)
			}
			if choice&0x80 != 0 {
				stream = append(stream, junk...)
			}
		}
		for _, chunking := range someChunkings(stream, seed) {
			if got, _ := readCheaply(t, stream, seed, chunking, 0); !samePictures(got, want) {
				t.Errorf("%s: pictures of %d bytes, want %d", chunking, sizes(got), sizes(want))
			}
		}
	})
}

// spellHeader writes a boundary and a part's header in one of the ways that cameras use. Each bit of choice is one way to
// differ.
func spellHeader(choice byte, size int, rng *rand.Rand) []byte {
	end := []string{"\r\n", "\n"}[choice&1]
	boundary := []string{"--boundary", "boundary"}[choice>>1&1]
	text := end + boundary + end
	if choice&0x04 == 0 {
		text += []string{"Content-Type", "content-type", "CONTENT-TYPE"}[rng.IntN(3)] + ": image/jpeg" + end
	}
	switch choice >> 3 & 3 {
	case 1:
		text += "Content-Length: " + strconv.Itoa(size) + end
	case 2:
		text += "content-length:" + strconv.Itoa(rng.IntN(2*size)) + end
	}
	if choice&0x20 != 0 {
		text += "X-Timestamp: 1.000002" + end
	}
	return []byte(text + end)
}

// linear is the bound of functions that look at each byte of a picture about once.
func linear(b []byte, bytesEach int) fuzzcost.Bound {
	return fuzzcost.Bound{Bytes: 4096, Time: time.Millisecond}.Plus(len(b), bytesEach, 100*time.Nanosecond)
}

// FuzzSize compares Size with the standard library's decoder.
func FuzzSize(f *testing.F) {
	for _, p := range picturesIn(f, "small") {
		f.Add(p)
	}
	f.Add(join(soi, exif(tiny()), []byte{0xFF, 0, 0xFF, 0xFF}, tiny()[2:]))
	f.Fuzz(func(t *testing.T, b []byte) {
		var got image.Point
		var err error
		fuzzcost.Check(t, linear(b, 0), func() { got, err = Size(b) })
		if err == nil && (got.X < 1 || got.Y < 1 || got.X > 65535 || got.Y > 65535) {
			t.Errorf("a size of %v", got)
		}
		want, decodeErr := jpeg.DecodeConfig(bytes.NewReader(b))
		switch {
		case decodeErr != nil:
		case want.Width == 0 || want.Height == 0:
			if err == nil {
				t.Errorf("got %v for a picture of %dx%d", got, want.Width, want.Height)
			}
		case err != nil || got.X != want.Width || got.Y != want.Height:
			t.Errorf("got %v, %v; the decoder says %dx%d", got, err, want.Width, want.Height)
		}
	})
}

// smallPictures adds real pictures of a few blocks, from which the engine makes inputs fast.
func smallPictures(f *testing.F) {
	for _, picture := range picturesIn(f, "small") {
		f.Add(picture, byte(0))
		f.Add(picture, byte(1))
	}
	for _, kind := range []byte{markerSOF0, markerSOF2} {
		f.Add(flat(kind, 17, 24, 3, 1), byte(2))
		f.Add(flat(kind, 16, 16, 1, 2), byte(2))
	}
	f.Add(flat(markerSOF0, 0, 16, 1, 1), byte(0))
	f.Add(tiny(), byte(0))
}

// For any bytes, Rotate returns an error or a picture. If Go can decode the original, it can decode this picture too.
func FuzzRotate(f *testing.F) {
	smallPictures(f)
	f.Fuzz(func(t *testing.T, picture []byte, turn byte) {
		r, _ := NewRotator(90*int(turn%4), []string{"", "h", "v"}[turn/4%3])
		var turned []byte
		var err error
		bound := fuzzcost.Bound{Bytes: 64 << 10, Time: time.Millisecond}.Plus(len(picture), 3*64*blocksPerByte, 5*time.Microsecond)
		fuzzcost.Check(t, bound, func() { turned, err = r.Rotate(picture) })
		if err != nil {
			return
		}
		if err := Check(turned); err != nil {
			t.Fatal(err)
		}
		if _, err := jpeg.Decode(bytes.NewReader(picture)); err != nil {
			return
		}
		if _, err := jpeg.Decode(bytes.NewReader(turned)); err != nil {
			t.Fatal(err)
		}
	})
}

// A Decoder can decode what image/jpeg can, unless it has no pixels or is too large. It never takes much.
func FuzzDecoder(f *testing.F) {
	smallPictures(f)
	f.Fuzz(func(t *testing.T, picture []byte, whole byte) {
		var img image.Image
		var err error
		bound := fuzzcost.Bound{Bytes: maxMemory + 1<<20, Time: 100 * time.Millisecond}
		fuzzcost.Check(t, bound, func() { img, err = new(Decoder).Decode(picture, image.Pt(1, 1).Mul(1000*int(whole%2))) })
		switch {
		case errors.Is(err, ErrTooLarge):
		case err != nil:
			if img, err := jpeg.Decode(bytes.NewReader(picture)); err == nil && !img.Bounds().Empty() {
				t.Errorf("image/jpeg can decode it to %v", img.Bounds())
			}
		default:
			size, err := Size(picture)
			if got := img.Bounds().Size(); err != nil || got != size && got != image.Pt((size.X+7)/8, (size.Y+7)/8) {
				t.Errorf("%v pixels of %v, %v", got, size, err)
			}
		}
	})
}
