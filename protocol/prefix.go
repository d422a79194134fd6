package protocol

import (
	"encoding/binary"
	"errors"
)

// A datagramType is the type of a udpcam/1 datagram. Receivers count and ignore types that they do not know.
type datagramType byte

const (
	typeData         datagramType = 1 // a data segment of a frame
	typeParity       datagramType = 2 // a parity segment of a frame
	typeAnnouncement datagramType = 3 // from the sender: what the stream is
	typeReport       datagramType = 4 // from a receiver: what came of the stream
	typeRequest      datagramType = 5 // from a receiver: what is missing of a frame
	typeSubscribe    datagramType = 6 // from a receiver: it wants a sender's streams
	typeAnswer       datagramType = 7 // from the sender: the answer to that

	typeSkip datagramType = 8 // from the sender: which frames this receiver does not get

	// typeRepair is added to typeData and typeParity if the segment answers a request. Such segments are left out when
	// the losses of the network are counted.
	typeRepair datagramType = 8
)

const (
	// magic is the second byte of every udpcam/1 datagram. The first segment of a classic frame has 0xFF there, the first
	// byte of a JPEG.
	magic = 0xCA

	// version is in the third byte, bits 4 to 6. sealedBit is bit 7 of that byte.
	version   = 1
	sealedBit = 0x80

	prefixSize = 8
)

// Errors of parsing a datagram. A receiver counts the datagrams that it leaves out by these reasons.
var (
	// ErrForeign means that a datagram is too short, or has another magic byte or version.
	ErrForeign = errors.New("not a udpcam/1 datagram")
	// ErrUnknownType means that this version does not know a datagram's type.
	ErrUnknownType = errors.New("unknown datagram type")
	// ErrMalformed means that a datagram's fields contradict each other or its length.
	ErrMalformed = errors.New("malformed datagram")
)

// A prefix is the beginning of every udpcam/1 datagram:
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
	Stream    uint8  // the number of the stream within the session
	Session   uint32 // 24 bits; a sender draws them at random when it starts
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
