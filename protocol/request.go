package protocol

import (
	"encoding/binary"
	"time"
)

const requestSize = prefixSize + 8 // without the bits

// A Request asks a sender for segments of one block of a frame. It says how many the receiver needs, and which ones it
// lacks. The sender first answers with parity that it has not sent yet: each row helps all receivers, even if they lack
// different segments. When no parity is left, the sender repeats the segments that the request names.
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
// If nothing of the frame came, all of it is wanted. Then Need and k are 0, and there are no bits.
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

// parseRequest reads a request. Missing stays a part of b.
func parseRequest(p prefix, b []byte) (r Request, err error) {
	if len(b) < requestSize {
		return r, ErrMalformed
	}
	need, data := b[12], b[13]
	end := requestSize + ceilDiv(int(data), 8)
	if len(b) < end || need > data || (need == 0) != (data == 0) {
		return r, ErrMalformed
	}
	frame := binary.BigEndian.Uint32(b[8:])
	return Request{FrameID: frame, Block: p.Block, Need: need, Data: data, Missing: b[requestSize:end]}, nil
}

// A Feedback is a datagram from a receiver: a report or a request.
type Feedback struct {
	Session uint32
	Stream  uint8
	Report  *Report  // nil if it is a request
	Request *Request // nil if it is a report
	// Joined says that this is the receiver's first datagram. It is always false for an open stream, where receivers have
	// no IDs.
	Joined   bool
	clock    clockEcho
	receiver [saltSize]byte // the receiver's ID, if the datagram was sealed
}

// parseFeedback reads an open datagram from a receiver. now is about when it came. A request's bits stay a part of b. The
// error is ErrForeign, ErrUnknownType or ErrMalformed.
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
