package protocol

import (
	"errors"
	"fmt"
	"time"
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

// SegmentSizeFor returns the segment size for packets of mtu bytes, from MinSegmentSize to DefaultSegmentSize. It is the
// largest multiple of Unit that leaves room for the IPv6, UDP and segment headers and a future authentication tag. Larger
// segments, for jumbo packets, are never automatic: one parity segment would then be as large as a frame.
func SegmentSizeFor(mtu int) int {
	size := (mtu - ipv6Header - udpHeader - SegmentHeaderSize - AuthTagSize) / Unit * Unit
	return min(max(size, MinSegmentSize), DefaultSegmentSize)
}

// Sizes of headers in bytes: RFC 8200, RFC 768.
const (
	ipv6Header = 40
	udpHeader  = 8
)

// A Datagram is one datagram in two parts, header and payload, that are sent as one without being joined first.
// It is an alias so that sockets need not know this package.
type Datagram = [2][]byte

// A Splitter turns the frames of one stream into udpcam/1 datagrams. It and the frames that it has split are for one
// goroutine at a time.
type Splitter struct {
	session     uint32
	stream      uint8
	segmentSize int
	encoders    encoders
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

// SegmentSize is the most bytes that a segment carries.
func (s *Splitter) SegmentSize() int { return s.segmentSize }

// DatagramSize is the most bytes that a datagram of a frame has.
func (s *Splitter) DatagramSize() int { return SegmentHeaderSize + s.segmentSize }

// Resize has the segments of the frames that follow carry at most size bytes, which NewSplitter would take.
func (s *Splitter) Resize(size int) { s.segmentSize = min(size/Unit*Unit, MaxSegmentSize) }

// Split makes o a frame on its way, with so many parity segments for each block: see [Outgoing.SetParity]. What o was
// before is gone, its memory is used again. The bytes of f must stay as they are for as long as o is used, or until
// [Outgoing.Move]. The error is ErrFrameSize.
func (s *Splitter) Split(o *Outgoing, f Frame, parity int) error {
	l, err := newLayout(len(f.JPEG), s.segmentSize)
	if err != nil {
		return err
	}
	o.encoders, o.layout, o.frame = &s.encoders, l, f.JPEG
	o.appendHeader, o.headerSize, o.rows = (*segmentHeader).append, SegmentHeaderSize, l.rows()
	o.header = segmentHeader{
		prefix:   prefix{Stream: s.stream, Session: s.session},
		FrameID:  f.ID,
		Blocks:   uint8(l.blocks),
		Length:   uint32(l.length),
		Data:     uint8(l.data),
		Captured: timestamp(f.Captured),
		CRC:      checksum(f.JPEG),
	}
	o.SetParity(parity)
	return nil
}

// Announce returns the datagrams that announce the stream now to a receiver, of which clock knows what it has sent. They
// are the caller's to keep.
func (s *Splitter) Announce(a Announcement, clock *RemoteClock, now time.Time) []Datagram {
	b := make([]byte, 0, announcementSize+MaxStreamName)
	return []Datagram{{a.append(b, s.session, s.stream, clock.echo(now)), nil}}
}

// Owns reports whether a receiver's datagram is about this splitter's stream.
func (s *Splitter) Owns(f Feedback) bool { return f.Session == s.session && f.Stream == s.stream }
