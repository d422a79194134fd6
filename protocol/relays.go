package protocol

import (
	"encoding/binary"
	"slices"
)

// Relays are the IDs of the relays that a stream has come through, the first one first. A relay draws its ID at random when it
// starts, and passes on no stream that has come through itself. So no stream goes round between relays that take streams from
// each other. The idea is that of AS_PATH in BGP (RFC 4271, section 9.1.2). The zero value is for a stream straight from a camera.
//
// In an announcement they follow the receiver's ID:
//
//	count     1 byte, at most MaxRelays; without it, or if it is 0, there are none
//	IDs       4 bytes each
type Relays struct {
	count uint8
	ids   [MaxRelays]uint32
}

// Contains reports whether the stream has come through a relay.
func (r Relays) Contains(id uint32) bool { return slices.Contains(r.ids[:r.count], id) }

// With returns the relays with one more. It returns false if there are MaxRelays already.
func (r Relays) With(id uint32) (Relays, bool) {
	if r.count == MaxRelays {
		return r, false
	}
	r.ids[r.count] = id
	r.count++
	return r, true
}

func (r Relays) append(b []byte) []byte {
	if r.count == 0 {
		return b
	}
	b = append(b, r.count)
	for _, id := range r.ids[:r.count] {
		b = binary.BigEndian.AppendUint32(b, id)
	}
	return b
}

// parseRelays reads what follows the receiver's ID in an announcement.
func parseRelays(b []byte) (r Relays, err error) {
	if len(b) == 0 {
		return r, nil
	}
	if n := int(b[0]); n > MaxRelays || len(b) < 1+4*n {
		return r, ErrMalformed
	}
	r.count = b[0]
	for i := range r.ids[:r.count] {
		r.ids[i] = binary.BigEndian.Uint32(b[1+4*i:])
	}
	return r, nil
}
