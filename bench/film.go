package bench

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"udpcam/protocol"
)

// A film makes frames that look like JPEGs to udpcam: random bytes between a JPEG's markers, with the frame's number.
type film struct{ bytes []byte }

const filmNumber = 4 // offset of the number in a frame

func newFilm(size int, seed uint64) *film {
	f := &film{make([]byte, max(size, 16))}
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	rand.NewChaCha8(key).Read(f.bytes)
	copy(f.bytes, "\xff\xd8\xff\xfe")
	copy(f.bytes[len(f.bytes)-2:], "\xff\xd9")
	return f
}

// frame returns frame i in new memory.
func (f *film) frame(i int) []byte {
	b := append([]byte(nil), f.bytes...)
	binary.BigEndian.PutUint32(b[filmNumber:], uint32(i))
	return b
}

// arrivals are the frames that came out at the other end.
type arrivals struct {
	delays []time.Duration
	wrong  uint64 // frames that never went in, or came twice or after a newer one
	next   int
}

func (a *arrivals) note(film *film, f protocol.Frame, now time.Time) {
	i := -1
	if len(f.JPEG) == len(film.bytes) {
		i = int(binary.BigEndian.Uint32(f.JPEG[filmNumber:]))
	}
	if i < a.next || string(film.frame(i)) != string(f.JPEG) {
		a.wrong++
		return
	}
	a.next = i + 1
	a.delays = append(a.delays, now.Sub(f.Captured))
}
