package protocol

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrFrameSize means that a frame is empty, or larger than the wire can carry.
	ErrFrameSize = errors.New("frame size out of range")
	// ErrFrameID means that a frame cannot be sealed, because its ID is not greater than that of the frame before it.
	ErrFrameID = errors.New("the ID of a sealed frame must be greater than all before it")
)

const (
	// DefaultSegmentSize is the largest multiple of Unit that fits an Ethernet packet (MTU 1500), together with the headers
	// of IPv6 (40 bytes), UDP (8) and the segment (28), and the tag of a sealed datagram (16).
	DefaultSegmentSize = 1408

	// MinSegmentSize is the same for the packets of 576 bytes that every IPv4 host accepts (RFC 791).
	MinSegmentSize = 448

	// MaxSegmentSize is the largest multiple of Unit that fits a UDP datagram. It is for networks with a large MTU, such as
	// loopback.
	MaxSegmentSize = (MaxDatagram - SegmentHeaderSize) / Unit * Unit
)

// SegmentSizeFor returns the segment size for packets of mtu bytes: the largest multiple of Unit that fits, with the headers
// of IPv6, UDP and the segment and the tag of a sealed datagram. It is at least MinSegmentSize and at most
// DefaultSegmentSize. It is not larger for jumbo packets, because one parity segment would then be as large as a frame.
func SegmentSizeFor(mtu int) int {
	size := (mtu - ipv6Header - udpHeader - SegmentHeaderSize - TagSize) / Unit * Unit
	return min(max(size, MinSegmentSize), DefaultSegmentSize)
}

// Sizes of headers in bytes: RFC 8200, RFC 768.
const (
	ipv6Header = 40
	udpHeader  = 8
)

// A Datagram is one datagram in two parts: header, and payload, which may be nil. The kernel joins them, so that no copy is
// needed. It is an alias so that sockets need not import this package.
type Datagram = [2][]byte

// A Splitter turns the frames of one stream into udpcam/1 datagrams. It is for one goroutine at a time, together with every
// [Outgoing] that it has filled.
type Splitter struct {
	session     uint32
	stream      uint8
	segmentSize int
	splitting
}

// NewSplitter returns a splitter for the stream with that number in that session. The lower 24 bits of session count.
// Segments carry at most segmentSize bytes, rounded down to a multiple of Unit. 0 means DefaultSegmentSize.
func NewSplitter(session uint32, stream uint8, segmentSize int) (*Splitter, error) {
	if segmentSize == 0 {
		segmentSize = DefaultSegmentSize
	}
	if segmentSize < MinSegmentSize || segmentSize > MaxDatagram {
		return nil, fmt.Errorf("segment size %d: give %d to %d bytes", segmentSize, MinSegmentSize, MaxSegmentSize)
	}
	return &Splitter{
		session:     session & (1<<24 - 1),
		stream:      stream,
		segmentSize: min(segmentSize/Unit*Unit, MaxSegmentSize),
	}, nil
}

// Seal makes the splitter seal all its datagrams with a key. Call it before the first frame, and at most once. Frame IDs
// must then grow from frame to frame and must not wrap: make a new Splitter, with a new session, before they do.
func (s *Splitter) Seal(k Key) { s.seal(k, randomOrigin(), bestSuite()) }

func (s *Splitter) seal(k Key, salt [saltSize]byte, by suite) {
	s.sealing = newSealing(k, salt, by)
	s.Resize(s.segmentSize)
}

// SegmentSize is the most bytes that a segment carries.
func (s *Splitter) SegmentSize() int { return s.segmentSize }

// DatagramSize is the most bytes in a datagram of a frame.
func (s *Splitter) DatagramSize() int { return s.overhead() + s.segmentSize }

// overhead is how many bytes a datagram has besides its payload.
func (s *Splitter) overhead() int {
	if s.sealing != nil {
		return SegmentHeaderSize + TagSize
	}
	return SegmentHeaderSize
}

// Resize sets the most bytes that a segment carries, for the frames that follow. NewSplitter must accept the size.
func (s *Splitter) Resize(size int) {
	s.segmentSize = min(size, MaxDatagram-s.overhead()) / Unit * Unit
}

// Split prepares o to send a frame. parity is the number of parity segments of each block, for [Outgoing.Parity]: as many as
// are asked for, or as there can be. It does not matter to trains. Split uses the memory of o again. The bytes of f must not
// change for as long as o is used, or until [Outgoing.Move]. The error is ErrFrameSize, or ErrFrameID if the frames are sealed.
func (s *Splitter) Split(o *Outgoing, f Frame, parity int) error {
	if q := s.sealing; q != nil && q.started && f.ID <= q.newest {
		return ErrFrameID
	}
	l, err := newLayout(len(f.JPEG), s.segmentSize)
	if err != nil {
		return err
	}
	o.begin(&s.splitting, l, f)
	o.appendHeader, o.overhead, o.rows = (*segmentHeader).append, s.overhead(), l.rows()
	o.header = segmentHeader{
		prefix:   prefix{Stream: s.stream, Session: s.session, Sealed: s.sealing != nil},
		FrameID:  f.ID,
		Parity:   uint8(min(parity, o.rows)),
		Blocks:   uint8(l.blocks),
		Length:   uint32(l.length),
		Data:     uint8(l.data),
		Captured: timestamp(f.Captured),
	}
	if s.sealing == nil {
		o.header.CRC = checksum(f.JPEG)
	}
	return nil
}

// Announce returns the datagrams that announce the stream to a receiver. clock is the one that has heard this receiver. The
// datagrams are the caller's to keep.
func (s *Splitter) Announce(a Announcement, clock *RemoteClock, now time.Time) []Datagram {
	b := make([]byte, 0, maxAnnouncement)
	if s.sealing == nil {
		return []Datagram{{a.append(b, s.session, s.stream, clock.echo(now), nil), nil}}
	}
	return []Datagram{{s.sealing.seal(a.append(b, s.session, s.stream, clock.echo(now), clock.peer[:])), nil}}
}

// Feedback reads a datagram from a receiver. now is about when it came. It opens a sealed one in place. A request's bits
// stay a part of b. The error is ErrForeign, ErrUnknownType, ErrMalformed, ErrOtherSession or ErrWrongKey. For a sealed
// stream it may also be ErrUnsealed or ErrReplayed.
func (s *Splitter) Feedback(b []byte, now time.Time) (f Feedback, err error) {
	p, err := parsePrefix(b)
	switch {
	case err != nil:
		return f, err
	case p.Type != typeReport && p.Type != typeRequest:
		return f, ErrUnknownType
	case p.Session != s.session || p.Stream != s.stream:
		return f, ErrOtherSession
	case s.sealing == nil && p.Sealed:
		return f, ErrWrongKey
	case s.sealing == nil:
		return parseFeedback(b, now)
	case !p.Sealed:
		return f, ErrUnsealed
	}
	return s.sealing.open(b, now)
}
