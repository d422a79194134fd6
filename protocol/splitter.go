package protocol

import (
	"errors"
	"fmt"
)

// ErrFrameSize is a frame that is empty or larger than the wire can carry.
var ErrFrameSize = errors.New("frame size out of range")

const (
	// DefaultSegmentSize is the largest multiple of Unit that fits an Ethernet packet (MTU 1500) behind an IPv6 and a
	// UDP header (40 + 8 bytes), the segment header and the authentication tag to come.
	DefaultSegmentSize = 1408

	// MinSegmentSize is what fits, by the same count, the 576 bytes that every IPv4 host takes (RFC 791).
	MinSegmentSize = 448

	// MaxSegmentSize is the largest multiple of Unit that fits a UDP datagram: fewest datagrams, for networks whose
	// MTU carries them, such as loopback.
	MaxSegmentSize = (MaxDatagram - SegmentHeaderSize) / Unit * Unit
)

// A Datagram is one datagram in two parts, header and payload, that are sent as one without being joined first.
// It is an alias so that sockets need not know this package.
type Datagram = [2][]byte

// A Splitter turns the frames of one stream into udpcam/1 datagrams. It is for one goroutine.
type Splitter struct {
	session     uint32
	stream      uint8
	segmentSize int

	headers   []byte // reused: all headers of a frame, one behind the other
	datagrams []Datagram
}

// NewSplitter returns a splitter for the stream with that number in that session, of which 24 bits count. Segments
// carry at most segmentSize bytes: it is rounded down to a multiple of Unit, and 0 means DefaultSegmentSize.
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

// Split returns the datagrams of a frame, in the order in which they are to be sent. They are valid until the next
// call; their payloads are f.JPEG itself. The error is ErrFrameSize.
func (s *Splitter) Split(f Frame) ([]Datagram, error) {
	l, err := newLayout(len(f.JPEG), s.segmentSize)
	if err != nil {
		return nil, err
	}
	h := segmentHeader{
		prefix:   prefix{Type: typeData, Stream: s.stream, Session: s.session},
		FrameID:  f.ID,
		Blocks:   uint8(l.blocks),
		Length:   uint32(l.length),
		Data:     uint8(l.data),
		Captured: timestamp(f.Captured),
		CRC:      checksum(f.JPEG),
	}
	n := l.segments()
	if cap(s.headers) < n*SegmentHeaderSize {
		s.headers = make([]byte, 0, n*SegmentHeaderSize)
	}
	s.headers, s.datagrams = s.headers[:0], s.datagrams[:0]
	for i := range n {
		block, countdown := l.name(i)
		h.Block, h.Countdown = uint8(block), uint8(countdown)
		s.headers = h.append(s.headers)
		start, end := l.span(i)
		s.datagrams = append(s.datagrams, Datagram{s.headers[i*SegmentHeaderSize:], f.JPEG[start:end]})
	}
	return s.datagrams, nil
}

// Announce returns the datagram that announces the stream, the caller's to keep.
func (s *Splitter) Announce(a Announcement) Datagram {
	return Datagram{a.append(make([]byte, 0, announcementSize+MaxStreamName), s.session, s.stream), nil}
}
