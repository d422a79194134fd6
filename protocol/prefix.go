package protocol

import (
	"encoding/binary"
	"errors"
)

// A datagramType says what a udpcam/1 datagram is. Receivers count and ignore types that they do not know.
type datagramType byte

const (
	typeData         datagramType = 1 // a data segment of a frame
	typeParity       datagramType = 2 // a parity segment of a frame
	typeAnnouncement datagramType = 3 // what a stream is, from the sender
	typeReport       datagramType = 4 // what came of it, from a receiver
	typeRequest      datagramType = 5 // what is missing, from a receiver

	// typeRepair is added to typeData and typeParity when the segment is sent because a receiver asked, so that what
	// the network lost at first can still be told.
	typeRepair datagramType = 8
)

const (
	// magic, the second byte of every udpcam/1 datagram, tells it from foreign ones. A classic datagram has the
	// picture's second byte or third byte there: 0xD8, or 0xFF for the first.
	magic = 0xCA

	// version is in the high half of the third byte, below the bit that says that a datagram is sealed.
	version   = 1
	sealedBit = 0x80

	prefixSize = 8
)

// Errors of parsing a datagram, each of them a reason under which a receiver counts what it leaves out.
var (
	// ErrForeign is a datagram that is none of ours: too short, another magic byte, another version.
	ErrForeign = errors.New("not a udpcam/1 datagram")
	// ErrUnknownType is a udpcam/1 datagram of a type that this version does not know.
	ErrUnknownType = errors.New("unknown datagram type")
	// ErrMalformed is a udpcam/1 datagram whose fields contradict each other or its length.
	ErrMalformed = errors.New("malformed datagram")
)

// A prefix is what all udpcam/1 datagrams begin with:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|   Countdown   |  Magic 0xCA   |S|Ver=1| Type  |    Stream     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                    Session                    |     Block     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type prefix struct {
	Countdown byte
	Sealed    bool
	Type      datagramType
	Stream    uint8  // number of the stream within the session
	Session   uint32 // 24 bits, drawn at random when a sender starts
	Block     uint8
}

func (p prefix) append(b []byte) []byte {
	third := version<<4 | byte(p.Type)
	if p.Sealed {
		third |= sealedBit
	}
	b = append(b, p.Countdown, magic, third, p.Stream)
	return binary.BigEndian.AppendUint32(b, p.Session<<8|uint32(p.Block))
}

func parsePrefix(b []byte) (prefix, error) {
	if len(b) < prefixSize || b[1] != magic || b[2]&^sealedBit>>4 != version {
		return prefix{}, ErrForeign
	}
	word := binary.BigEndian.Uint32(b[4:])
	return prefix{
		Countdown: b[0],
		Sealed:    b[2]&sealedBit != 0,
		Type:      datagramType(b[2] & 0x0f),
		Stream:    b[3],
		Session:   word >> 8,
		Block:     uint8(word),
	}, nil
}
