package bench

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
)

// A clip makes frames that look like JPEGs to udpcam: random bytes between a JPEG's markers, with the frame's number.
type clip []byte

// The number of a frame is in these bytes of it.
const numberAt, numberEnd = 4, 8

func newClip(size int, seed uint64) clip {
	c := make(clip, max(size, 16))
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	rand.NewChaCha8(key).Read(c)
	copy(c, "\xff\xd8\xff\xfe")
	copy(c[len(c)-2:], "\xff\xd9")
	return c
}

// frame returns frame i. It is valid until the next call.
func (c clip) frame(i int) []byte {
	binary.BigEndian.PutUint32(c[numberAt:], uint32(i))
	return c
}

// number returns which frame that is, -1 if it is none.
func (c clip) number(jpeg []byte) int {
	if len(jpeg) != len(c) || !bytes.Equal(jpeg[:numberAt], c[:numberAt]) || !bytes.Equal(jpeg[numberEnd:], c[numberEnd:]) {
		return -1
	}
	return int(binary.BigEndian.Uint32(jpeg[numberAt:]))
}
