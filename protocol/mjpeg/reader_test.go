package mjpeg

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"
)

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

// chunkings returns readers that bring the stream in pieces of many sizes. The seed determines the random sizes.
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

// someChunkings returns all chunkings of an input that is always tested, and one of an input that the fuzzing engine makes.
// The seed determines which. So there is time for seven times as many inputs.
func someChunkings(stream []byte, seed uint64) (chosen []string) {
	names := slices.Sorted(maps.Keys(chunkings(stream, seed)))
	if f := flag.Lookup("test.fuzz"); f == nil || f.Value.String() == "" {
		return names
	}
	return names[seed%uint64(len(names)):][:1]
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

// A picture may be cut off anywhere. The next one and the one after it must still come out.
func TestReaderFindsTheNextAfterAnyCut(t *testing.T) {
	a := with(picture(t, "small", "baseline.jpg"), segment(0xDD, 0, 4))
	for _, next := range picturesIn(t, "small") {
		for between, text := range map[string][]byte{"bare": nil, "multipart": []byte("\r\n--b\r\nA: b\r\n\r\n")} {
			for cut := range a {
				const behindAPP0 = 8 + 18 // DRI, APP0
				if text == nil && cut == behindAPP0-2 {
					continue // the SOI happens to complete the cut APP0 segment: see the package comment
				}
				got, _ := readAll(t, bytes.NewReader(join(text, a[:cut], text, next, text, a)), 0)
				if !samePictures(got, [][]byte{next, a}) {
					t.Errorf("%s, cut off at %d: got pictures of %d bytes", between, cut, sizes(got))
				}
			}
		}
	}
}

// A miser is a reader of some bytes. It fails the test if more bytes are asked for.
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
