package mjpeg

import (
	"bytes"
	"io"
	"testing"
	"time"
)

// A loop repeats a stream without end, in Reads as large as the caller's room, or as a pipe's writer would have them.
type loop struct {
	stream []byte
	rest   []byte
	most   int // 0: no limit
}

func (l *loop) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		l.rest = l.stream
	}
	if l.most > 0 && len(p) > l.most {
		p = p[:l.most]
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func BenchmarkReader(b *testing.B) {
	street := picturesIn(b, "street")
	var multipart []byte
	for _, p := range street[:4] {
		multipart = AppendPartHeader(multipart, len(p), time.Unix(1700000000, 0))
		multipart = append(append(multipart, p...), PartEnd...)
	}
	for _, c := range []struct {
		name   string
		stream []byte
		most   int
	}{
		{"back to back 78 kB", join(street[1:4]...), 0},
		{"back to back 15 kB", join(street[4:]...), 0},
		{"back to back mixed", join(street...), 0},
		{"a picture a Read", street[1], 0},
		{"pipe of 64 KiB", join(street[1:4]...), 64 << 10},
		{"multipart", multipart, 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			pictures, _ := readAll(b, bytes.NewReader(c.stream), 0)
			b.SetBytes(int64(len(c.stream) / len(pictures)))
			b.ReportAllocs()
			r := NewReader(&loop{stream: c.stream, most: c.most}, ReaderOptions{})
			for b.Loop() {
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReaderHostile(b *testing.B) {
	for name, stream := range hostileStreams(1 << 20) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				r := NewReader(bytes.NewReader(stream), ReaderOptions{})
				for err := error(nil); err != io.EOF; {
					_, err = r.Next()
				}
			}
		})
	}
}

func BenchmarkSize(b *testing.B) {
	p := picture(b, "street", "1.jpg")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Size(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendPartHeader(b *testing.B) {
	buf := make([]byte, 0, 256)
	now := time.Unix(1700000000, 123456789)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendPartHeader(buf[:0], 78013, now)
	}
}
