package bench

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"udpcam/protocol"
)

// A film is frames that are no pictures, but as hard to compress as such: random bytes between the markers of a JPEG,
// with the frame's number.
type film struct{ bytes []byte }

const filmNumber = 4 // where in a frame its number stands

func newFilm(size int, seed uint64) *film {
	f := &film{make([]byte, max(size, 16))}
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	rand.NewChaCha8(key).Read(f.bytes)
	copy(f.bytes, "\xff\xd8\xff\xfe")
	copy(f.bytes[len(f.bytes)-2:], "\xff\xd9")
	return f
}

// frame returns frame i, whose bytes are the caller's.
func (f *film) frame(i int) []byte {
	b := append([]byte(nil), f.bytes...)
	binary.BigEndian.PutUint32(b[filmNumber:], uint32(i))
	return b
}

// arrivals are what came out at the other end.
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
