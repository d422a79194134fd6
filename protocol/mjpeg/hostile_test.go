package mjpeg

import (
	"bytes"
	"io"
	"testing"
)

// hostileStreams are streams of n bytes or a little more. A careless reader would search back, or scan the same bytes
// again. On these streams its time would grow with the square of n.
func hostileStreams(n int) map[string][]byte {
	repeat := func(parts ...[]byte) []byte {
		unit := join(parts...)
		return bytes.Repeat(unit, n/len(unit)+1)
	}
	picture := []byte{0xFF, markerSOI, 0xFF, 0xC4, 0}
	nested := []byte{0xFF, markerSOI, 0xFF, 0xE0, 0xFF, 0xFF} // each claims the 10,000 that follow
	return map[string][]byte{
		"SOIs":                  repeat(soi),
		"nested segments":       repeat(nested),
		"nested, then a scan":   with(tiny(repeat([]byte{1})...), segment(0xE0, bytes.Repeat(nested, 10_000)...)),
		"nested, then segments": join(bytes.Repeat(nested, 10_000), repeat(segment(0xE0, soi...))),
		"chain with SOIs":       join(soi, repeat(segment(0xE0, 0xFF, markerSOI))),
		"tables with SOIs":      join(soi, repeat(segment(0xDB, bytes.Repeat([]byte{0xFF, markerSOI, 1}, 20_000)...))),
		"tables of pictures":    join(soi, repeat(segment(0xC4, bytes.Repeat(picture, 10_000)...))),
		"fill bytes":            join(soi, repeat([]byte{0xFF})),
		"scan headers":          join(soi, frameHeader, repeat(scanHeader)),
		"restarts":              join(tiny()[:25], repeat([]byte{0xFF, 0xD0})),
		"blank lines":           join([]byte("\n\n"), soi, segment(0xE0), repeat([]byte("\n\n"), nested)),
		"tiny pictures":         repeat(tiny()),
		"cut-off pictures":      repeat(tiny(1, 2)[:26]),
		"text":                  repeat([]byte("--b\r\nX: y\r\n\r\n")),
	}
}

// If the work were not linear this would take hours.
func TestReaderWorkIsLinear(t *testing.T) {
	for name, stream := range hostileStreams(2 << 20) {
		t.Run(name, func(t *testing.T) {
			r := NewReader(&steadyReader{rest: stream, most: 1000}, ReaderOptions{})
			for {
				if _, err := r.Next(); err == io.EOF {
					return
				}
			}
		})
	}
}

func TestReaderMemoryIsBounded(t *testing.T) {
	const limit, total = 100_000, 2 << 20
	streams := hostileStreams(total)
	streams["zeros"] = make([]byte, total)
	for name, stream := range streams {
		r := NewReader(bytes.NewReader(stream), ReaderOptions{MaxFrameSize: limit})
		for err := error(nil); err == nil; {
			_, err = r.Next()
			if held := len(r.buf.mem); held > 2*(limit+1<<16+maxGap) {
				t.Fatalf("%s: the Reader holds %d bytes at a limit of %d", name, held, limit)
			}
		}
	}
}

func TestReaderHoldsNoGarbage(t *testing.T) {
	r := NewReader(io.LimitReader(zeros{}, 64<<20), ReaderOptions{})
	if _, err := r.Next(); err != io.EOF {
		t.Fatal(err)
	}
	if held := len(r.buf.mem); held > 2*firstSize {
		t.Errorf("the Reader holds %d bytes after garbage alone", held)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A steadyReader brings the same number of bytes at each Read.
type steadyReader struct {
	rest []byte
	most int
}

func (r *steadyReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest[:min(len(r.rest), r.most)])
	r.rest = r.rest[n:]
	return n, nil
}
