package protocol

import (
	"encoding/binary"
	"time"
)

const requestSize = prefixSize + 8 // without the bits

// A Request asks a sender for missing segments of one block of a frame. It says how many the receiver needs, and which
// ones it lacks. The sender first answers with parity that it has not sent yet: that helps every receiver, whichever
// segments it lacks. When no parity is left, the sender repeats the named segments.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|       0       |  Magic 0xCA   |S|Ver=1| Type=5|    Stream     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                    Session                    |     Block     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                           Frame ID                            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|     Need      |    Data k     |           Reserved            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  ⌈k / 8⌉ bytes: bit j (from the most significant) is set if
//	|  the block's data segment j, of countdown k - j, is missing …
//	+-+-+-+-+-+-+-+-+-+-+-
//
// Need and k are 0, and there are no bits, for a frame of which nothing came at all: it is wanted whole.
type Request struct {
	FrameID uint32
	Block   uint8
	Need    uint8  // how many segments are needed
	Data    uint8  // k
	Missing []byte // the bits
}

// Whole reports whether all of the frame is wanted.
func (r Request) Whole() bool { return r.Data == 0 }

// missing reports whether data segment j of the block is missing.
func (r Request) missing(j int) bool { return r.Missing[j/8]&(0x80>>(j%8)) != 0 }

func (r Request) append(b []byte, session uint32, stream uint8) []byte {
	b = prefix{Type: typeRequest, Session: session, Stream: stream, Block: r.Block}.append(b)
	b = binary.BigEndian.AppendUint32(b, r.FrameID)
	b = append(b, r.Need, r.Data, 0, 0)
	return append(b, r.Missing...)
}

// parseRequest reads a request, whose bits stay a part of b.
func parseRequest(p prefix, b []byte) (Request, error) {
	if len(b) < requestSize {
		return Request{}, ErrMalformed
	}
	r := Request{FrameID: binary.BigEndian.Uint32(b[8:]), Block: p.Block, Need: b[12], Data: b[13]}
	size := ceilDiv(int(r.Data), 8)
	if len(b) < requestSize+size || r.Need > r.Data || (r.Need == 0) != (r.Data == 0) {
		return Request{}, ErrMalformed
	}
	r.Missing = b[requestSize : requestSize+size]
	return r, nil
}

// A Feedback is what a datagram from a receiver says: a report or a request.
type Feedback struct {
	Session uint32
	Stream  uint8
	Report  *Report  // nil if it is a request
	Request *Request // nil if it is a report
	// Joined says that it is the first of its receiver. Only sealed feedback tells receivers apart.
	Joined   bool
	clock    clockEcho
	receiver [saltSize]byte // its ID, if the datagram was sealed
}

// parseFeedback reads an open datagram that came from a receiver about now. A request's bits stay a part of b. The error
// is ErrForeign, ErrUnknownType or ErrMalformed.
func parseFeedback(b []byte, now time.Time) (f Feedback, err error) {
	p, err := parsePrefix(b)
	if err != nil {
		return f, err
	}
	f.Session, f.Stream = p.Session, p.Stream
	switch p.Type {
	case typeReport:
		r, c, err := parseReport(b, now)
		f.Report, f.clock = &r, c
		return f, err
	case typeRequest:
		r, err := parseRequest(p, b)
		f.Request = &r
		return f, err
	}
	return f, ErrUnknownType
}
