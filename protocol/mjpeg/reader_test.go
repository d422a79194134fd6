package mjpeg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"
)

type streamCase struct {
	name     string
	stream   []byte
	limit    int
	pictures [][]byte
	skips    []Reason
}

// streamCases are the streams that the table test goes through and that fuzzing starts from.
func streamCases(t testing.TB) []streamCase {
	a, b := picture(t, "small", "baseline.jpg"), picture(t, "small", "progressive.jpg")
	thumbnail := picture(t, "small", "gray.jpg")
	photo := with(a, exif(thumbnail))
	text := func(s string) []byte { return []byte(s) }
	part := func(p []byte) []byte {
		return fmt.Appendf(nil, "--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(p), p)
	}
	http := text("HTTP/1.0 200 OK\r\nServer: cam\r\nContent-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n")
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(i*i) &^ 1
	}

	return []streamCase{
		{name: "nothing"},
		{name: "one", stream: a, pictures: [][]byte{a}},
		{name: "back to back", stream: join(a, b, a), pictures: [][]byte{a, b, a}},

		// What a picture may hold.
		{name: "thumbnail", stream: join(photo, b), pictures: [][]byte{photo, b}},
		{name: "stuffing, restarts and fill bytes", pictures: [][]byte{tiny(1, 0xFF, 0, 0xFF, 0xD0, 2, 0xFF, 0xFF, 0xD7, 0xFF, 0xFF, 0)},
			stream: tiny(1, 0xFF, 0, 0xFF, 0xD0, 2, 0xFF, 0xFF, 0xD7, 0xFF, 0xFF, 0)},
		{name: "fill bytes before markers", stream: with(a, []byte{0xFF, 0xFF, 0xFF}),
			pictures: [][]byte{with(a, []byte{0xFF, 0xFF, 0xFF})}},
		{name: "empty scan", stream: join(tiny(), tiny()), pictures: [][]byte{tiny(), tiny()}},
		{name: "DNL behind the scan", stream: join(soi, frameHeader, scanHeader, []byte{1}, segment(0xDC, 0, 9), eoi, a),
			pictures: [][]byte{join(soi, frameHeader, scanHeader, []byte{1}, segment(0xDC, 0, 9), eoi), a}},
		{name: "EOI in segments", stream: with(a, segment(0xFE, 0xFF, 0xD9), segment(0xDB, 0xFF, 0xD9, 0xFF, 0xD8), segment(0xC4), segment(0xEF, tiny()...)),
			pictures: [][]byte{with(a, segment(0xFE, 0xFF, 0xD9), segment(0xDB, 0xFF, 0xD9, 0xFF, 0xD8), segment(0xC4), segment(0xEF, tiny()...))}},
		{name: "hierarchical", stream: join(soi, segment(0xDE, 8, 0, 16, 0, 24, 0), tiny()[2:23], frameHeader, tiny()[15:]),
			pictures: [][]byte{join(soi, segment(0xDE, 8, 0, 16, 0, 24, 0), tiny()[2:23], frameHeader, tiny()[15:])}},

		// What may lie between pictures.
		{name: "multipart", stream: join(part(a), part(b), text("--b--\r\n")), pictures: [][]byte{a, b}},
		{name: "saved response", stream: join(http, part(a), part(b)), pictures: [][]byte{a, b}},
		{name: "no first boundary", stream: join(part(a)[5:], part(b)), pictures: [][]byte{a, b}},
		{name: "LF, no length, no dashes", stream: join(text("b\ncontent-TYPE: image/jpeg\n\n"), a, text("\nb\ncontent-TYPE: image/jpeg\n\n"), b),
			pictures: [][]byte{a, b}},
		{name: "boundaries without headers", stream: join(text("b\r\n\r\n"), a, text("\r\nb\r\n\r\n"), b), pictures: [][]byte{a, b}},
		{name: "boundary with a space", stream: join(text("--video boundary--\r\nContent-length: 1\r\n\r\n"), a), pictures: [][]byte{a}},
		{name: "response of bare pictures", stream: join(http, a, b), pictures: [][]byte{a, b}},
		{name: "padding", stream: join(a, make([]byte, 99), text(" \t\r\n"), []byte{0xFF, 0xFF}, b), pictures: [][]byte{a, b}},
		{name: "junk behind a part's picture", stream: join(part(join(a, []byte{1, 2, 3, 0xFF, 0xD9})), part(b)),
			pictures: [][]byte{a, b}, skips: []Reason{Garbage}},

		// Garbage.
		{name: "garbage before, between, behind", stream: join(noise[:9], a, text("junk"), b, noise[:5000]),
			pictures: [][]byte{a, b}, skips: []Reason{Garbage, Garbage, Garbage}},
		{name: "long garbage is one", stream: join(a, noise, b), pictures: [][]byte{a, b}, skips: []Reason{Garbage}},
		{name: "chance SOIs in garbage", stream: join(a, noise[:50], soi, noise[:50], soi, soi, []byte{0xFF, 0xFF, 0xFF, 3}, b),
			pictures: [][]byte{a, b}, skips: []Reason{Garbage}},
		{name: "endless header", stream: join(bytes.Repeat(text("X-A: b\r\n"), 1000), a), pictures: [][]byte{a}, skips: []Reason{Garbage}},
		{name: "no JPEG at all", stream: text("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"), skips: []Reason{Garbage}},
		{name: "SOI and EOI only", stream: join(soi, eoi, a), pictures: [][]byte{a}, skips: []Reason{Garbage}},

		// Broken pictures.
		{name: "cut off at the end", stream: join(a, b[:len(b)-1]), pictures: [][]byte{a}, skips: []Reason{Truncated}},
		{name: "SOI at the end", stream: join(a, soi), pictures: [][]byte{a}, skips: []Reason{Truncated}},
		{name: "cut off in a scan", stream: join(a[:len(a)-9], b), pictures: [][]byte{b}, skips: []Reason{Truncated}},
		{name: "cut off behind FF", stream: join(tiny(1, 2, 0xFF)[:24], b), pictures: [][]byte{b}, skips: []Reason{Truncated}},
		{name: "cut off in a table", stream: join(a[:40], b, a), pictures: [][]byte{b, a}, skips: []Reason{Malformed}},
		{name: "cut off in a table at a marker", stream: join(with(a, segment(0xDB, make([]byte, 68)...))[:6+50], b[:2], segment(0xE0, make([]byte, 12)...), b[2:], a),
			pictures: [][]byte{join(b[:2], segment(0xE0, make([]byte, 12)...), b[2:]), a}, skips: []Reason{Truncated}},
		{name: "cut off in a scan header", stream: join(tiny()[:22], b, a), pictures: [][]byte{b, a}, skips: []Reason{Truncated}},
		{name: "cut off in a part", stream: join(part(a[:len(a)-9]), part(b)), pictures: [][]byte{b}, skips: []Reason{Truncated}},
		{name: "a frame header too many", stream: join(soi, frameHeader, frameHeader, tiny()[15:], b), pictures: [][]byte{b}, skips: []Reason{Malformed}},
		{name: "frame header in a scan", stream: join(tiny(1, 2, 0xFF, 0xC0, 0, 4, 0, 0), b), pictures: [][]byte{b}, skips: []Reason{Malformed}},
		{name: "reserved marker in a scan", stream: join(tiny(1, 2, 0xFF, 0x10), b), pictures: [][]byte{b}, skips: []Reason{Malformed}},
		{name: "restart outside a scan", stream: join(with(a, segment(0xE0, 1), []byte{0xFF, 0xD0}), b), pictures: [][]byte{b}, skips: []Reason{Malformed}},
		{name: "no scan", stream: join(soi, frameHeader, eoi, b), pictures: [][]byte{b}, skips: []Reason{Malformed}},
		{name: "scan without a frame", stream: join(soi, segment(0xDD, 0, 1), scanHeader, eoi, b), pictures: [][]byte{b}, skips: []Reason{Malformed}},
		{name: "segment too short", stream: join(with(a, segment(0xE0), []byte{0xFF, 0xE1, 0, 1}), b), pictures: [][]byte{b}, skips: []Reason{Malformed}},
		{name: "segment too long", stream: join(with(a, []byte{0xFF, 0xE1, 0xFF, 0xFF}), b), pictures: [][]byte{b}, skips: []Reason{Truncated}},
		{name: "two broken ones", stream: join(a[:len(a)-9], b[:len(b)-9], a), pictures: [][]byte{a}, skips: []Reason{Truncated, Truncated}},
		{name: "the rest of a broken one is no garbage", stream: join(a[:100], noise[:2000], b), pictures: [][]byte{b}, skips: []Reason{Malformed}},

		// Thumbnails in broken pictures.
		{name: "thumbnail, damage further on", stream: join(photo[:len(photo)-9], b), pictures: [][]byte{b}, skips: []Reason{Truncated}},
		{name: "thumbnail, damage right behind", stream: join(photo[:2+4+20+len(thumbnail)+10], text("no marker"), b),
			pictures: [][]byte{thumbnail, b}, skips: []Reason{Malformed, Garbage}},
		{name: "thumbnail, cut off in its segment", stream: join(photo[:2+4+20+len(thumbnail)+5], b, a),
			pictures: [][]byte{thumbnail, b, a}, skips: []Reason{Malformed}},
		{name: "thumbnail, cut off in itself", stream: join(photo[:2+4+20+len(thumbnail)-5], b, a),
			pictures: [][]byte{b, a}, skips: []Reason{Malformed}},
		{name: "thumbnail, cut off in its segment in a part", stream: join(part(photo[:2+4+20+len(thumbnail)+5]), part(b), part(a)),
			pictures: [][]byte{b, a}, skips: []Reason{Malformed}},
		{name: "thumbnail, connection lost in a part", stream: join(part(a), part(photo)[:2+4+20+len(thumbnail)+60]),
			pictures: [][]byte{a}, skips: []Reason{Truncated}},

		// The limit.
		{name: "of just the limit", stream: join(a, b), limit: len(b), pictures: [][]byte{a, b}},
		{name: "one byte more", stream: join(a, b, a), limit: len(b) - 1, pictures: [][]byte{a, a}, skips: []Reason{Oversized}},
		{name: "scan without end", stream: join(tiny(noise...), a), limit: 2000, pictures: [][]byte{a}, skips: []Reason{Oversized}},
		{name: "fill bytes without end", stream: join(with(a, bytes.Repeat([]byte{0xFF}, 3000)), a), limit: 2000,
			pictures: [][]byte{a}, skips: []Reason{Garbage}},
		{name: "thumbnail of an oversized one", stream: join(photo, a), limit: len(a), pictures: [][]byte{a}, skips: []Reason{Oversized}},
	}
}

func TestReader(t *testing.T) {
	for _, c := range streamCases(t) {
		t.Run(c.name, func(t *testing.T) {
			for chunking, src := range chunkings(c.stream, 1) {
				pictures, skips := readAll(t, src, c.limit)
				if !samePictures(pictures, c.pictures) {
					t.Errorf("%s: pictures of %d bytes, want %d", chunking, sizes(pictures), sizes(c.pictures))
				}
				if !slices.Equal(skips, c.skips) {
					t.Errorf("%s: left out %q, want %q", chunking, skips, c.skips)
				}
			}
			limit := c.limit
			if limit == 0 {
				limit = defaultMaxFrameSize
			}
			pictures, skips := oracle(c.stream, limit)
			if !samePictures(pictures, c.pictures) || !slices.Equal(skips, c.skips) {
				t.Errorf("the oracle disagrees with the table: %d, %q", sizes(pictures), skips)
			}
		})
	}
}

// chunkings returns readers that bring the stream in pieces of many sizes, chosen by seed where they are random.
func chunkings(stream []byte, seed uint64) map[string]io.Reader {
	return map[string]io.Reader{
		"whole":            bytes.NewReader(stream),
		"whole with EOF":   iotest.DataErrReader(bytes.NewReader(stream)),
		"bytes":            iotest.OneByteReader(bytes.NewReader(stream)),
		"halves":           iotest.HalfReader(bytes.NewReader(stream)),
		"pieces":           &pieceReader{stream, rand.New(rand.NewPCG(seed, 0)), 200},
		"pieces with EOF":  iotest.DataErrReader(&pieceReader{stream, rand.New(rand.NewPCG(seed, 1)), 20}),
		"pieces of a page": &pieceReader{stream, rand.New(rand.NewPCG(seed, 2)), 8192},
	}
}

// A pieceReader brings up to most bytes at a time, sometimes none.
type pieceReader struct {
	rest []byte
	rng  *rand.Rand
	most int
}

func (r *pieceReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest[:min(len(r.rest), r.rng.IntN(r.most+1))])
	r.rest = r.rest[n:]
	return n, nil
}

func TestReaderRealPictures(t *testing.T) {
	for _, folder := range []string{"street", "small"} {
		pictures := picturesIn(t, folder)
		for chunking, src := range chunkings(join(pictures...), 2) {
			got, skips := readAll(t, src, 0)
			if !samePictures(got, pictures) || skips != nil {
				t.Errorf("%s, %s: got pictures of %d bytes, left out %q", folder, chunking, sizes(got), skips)
			}
		}
	}
}

// A picture may be cut off anywhere: the next one and the one after it come out all the same.
func TestReaderFindsTheNextAfterAnyCut(t *testing.T) {
	a := with(picture(t, "small", "baseline.jpg"), segment(0xDD, 0, 4))
	for _, next := range picturesIn(t, "small") {
		for between, text := range map[string]string{"bare": "", "multipart": "\r\n--b\r\nContent-Type: image/jpeg\r\n\r\n"} {
			for cut := range a {
				const behindAPP0 = 8 + 18 // DRI, APP0
				if text == "" && cut == behindAPP0-2 {
					continue // the SOI is just what the APP0 segment lacks: see the package comment
				}
				got, _ := readAll(t, bytes.NewReader(join([]byte(text), a[:cut], []byte(text), next, []byte(text), a)), 0)
				if !samePictures(got, [][]byte{next, a}) {
					t.Errorf("%s, cut off at %d: got pictures of %d bytes", between, cut, sizes(got))
				}
			}
		}
	}
}

// A miser hands out the bytes that it has been given, and fails the test when it is asked for more.
type miser struct {
	t    *testing.T
	have []byte
}

func (m *miser) Read(p []byte) (int, error) {
	if len(m.have) == 0 {
		m.t.Fatal("the Reader waits for a byte behind the picture's last")
	}
	n := copy(p, m.have)
	m.have = m.have[n:]
	return n, nil
}

func TestReaderReturnsAtTheLastByte(t *testing.T) {
	pictures := slices.Concat(picturesIn(t, "small"), picturesIn(t, "street"), [][]byte{tiny()})
	for _, before := range []string{"", BoundaryLine + "\r\n", PartEnd + "Content-Length: 1\r\n\r\n"} {
		m := &miser{t: t}
		r := NewReader(m, ReaderOptions{})
		for _, want := range pictures {
			m.have = join([]byte(before), want)
			got, err := r.Next()
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("got %d bytes, %v; want %d", len(got), err, len(want))
			}
		}
	}
}

func TestReaderErrors(t *testing.T) {
	a := tiny(1, 2, 3)
	lost := errors.New("connection lost")
	for name, src := range map[string]io.Reader{
		"behind":    io.MultiReader(bytes.NewReader(join(a, a)), iotest.ErrReader(lost)),
		"inside":    io.MultiReader(bytes.NewReader(join(a, a, a[:9])), iotest.ErrReader(lost)),
		"with data": &lastWords{join(a, a), lost},
	} {
		r := NewReader(src, ReaderOptions{})
		for range 2 {
			if got, err := r.Next(); err != nil || !bytes.Equal(got, a) {
				t.Errorf("%s: got %d bytes and %v, want a picture", name, len(got), err)
			}
		}
		for range 2 {
			if got, err := r.Next(); got != nil || !errors.Is(err, lost) {
				t.Errorf("%s: got %d bytes and %v, want %v", name, len(got), err, lost)
			}
		}
	}

	r := NewReader(stuck{}, ReaderOptions{})
	if _, err := r.Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that never returns anything: got %v, want %v", err, io.ErrNoProgress)
	}
}

// lastWords returns all it has in one Read, together with an error.
type lastWords struct {
	words []byte
	err   error
}

func (r *lastWords) Read(p []byte) (int, error) { return copy(p, r.words), r.err }

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }
