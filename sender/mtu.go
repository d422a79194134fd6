package sender

import (
	"errors"
	"net/netip"
	"syscall"
	"time"

	"udpcam/protocol"
	"udpcam/sender/internal/path"
)

// Where nobody has said how large segments are to be, they are as large as the narrowest path takes: what the system
// knows of the path's MTU decides at first, and again when it refuses a datagram (RFC 1191, RFC 8201). A router that
// drops large datagrams and cannot tell, which those documents rely on, is noticed by what reports say of it. Segments
// only become smaller: that a path takes larger ones again nothing tells.

const (
	// surelySegment is what fits the MTU that every path of IPv6 has (RFC 8200), and all usual tunnels.
	surelySegment = 1152

	// blackHoleAfter is for how long none but small datagrams must have come, blackHoleFrames of how many frames at
	// least, and blackHoleReports how many reports must have told of small ones: the path is not just interrupted.
	blackHoleAfter   = 500 * time.Millisecond
	blackHoleFrames  = 3
	blackHoleReports = 2
)

// stepDown is the next smaller size of segments to try where nothing tells what fits.
func stepDown(size int) int {
	if size > surelySegment {
		return surelySegment
	}
	return protocol.MinSegmentSize
}

// automatic reports whether the sender is to find the size of segments.
func (c Config) automatic() bool { return c.SegmentSize == 0 && c.Wire != protocol.WireClassic }

// segmentSize is the size of segments that fits the path, as far as the system knows.
func (d *destination) segmentSize() int {
	if c, ok := d.Conn.(interface{ PathMTU(netip.AddrPort) int }); ok {
		if mtu := c.PathMTU(d.Addr); mtu > 0 {
			return protocol.SegmentSizeFor(mtu)
		}
	}
	return protocol.DefaultSegmentSize
}

// segmentSize is the size of segments that fits all paths, as far as the system knows.
func (s *Sender) segmentSize() int {
	size := protocol.DefaultSegmentSize
	for _, d := range s.destinations {
		size = min(size, d.segmentSize())
	}
	return size
}

// fit makes the segments of the frames that follow smaller, after a datagram was too large for a path. s.mu is held.
func (s *Sender) fit(d *destination) {
	known, now := d.segmentSize(), s.splitter.SegmentSize()
	if known >= now {
		known = stepDown(now)
	}
	if known >= now { // there are no smaller ones: it is an error like any other
		s.sending.Lock()
		d.adapts = false
		s.sending.Unlock()
	}
	s.shrink(d, known, "the path takes only smaller datagrams")
}

// escape does the same where the path drops them without a word.
func (s *Sender) escape(d *destination) {
	s.shrink(d, stepDown(s.splitter.SegmentSize()), "small datagrams arrive, large ones do not, and nothing on the path says why")
}

// shrink makes the segments of the frames that follow smaller, if they can be.
func (s *Sender) shrink(d *destination, size int, why string) {
	before := s.splitter.SegmentSize()
	if size >= before {
		return
	}
	s.splitter.Resize(size)
	s.ring.evict(s.ring.count)               // of these nothing would arrive
	d.path, d.hole = path.New(), blackHole{} // what is reported of the frames so far says nothing of those to come
	s.config.Log.Info("smaller datagrams from here on", "addr", d.Addr, "segment", before, "now", size, "because", why)
}

// tooLarge reports whether an error says that datagrams are too large for the path.
func tooLarge(err error) bool { return errors.Is(err, syscall.EMSGSIZE) }

// A blackHole notices a path that drops large datagrams without a word: small ones come, such as announcements, and none
// that is as large as those of a frame, however many frames are sent. It is pure: now is an argument.
type blackHole struct {
	since   time.Time // when there was nothing to notice last
	frames  int       // that were sent since
	size    int       // bytes in the datagrams of the smallest of them
	reports int       // that told of small datagrams since
}

// sent takes in that a frame was sent, of datagrams of that size.
func (b *blackHole) sent(size int) {
	if b.frames++; b.frames == 1 || size < b.size {
		b.size = size
	}
}

// report takes in a report, and reports whether the path is one. A receiver that has not followed the stream for so long
// does not know what came before.
func (b *blackHole) report(r protocol.Report, now time.Time) bool {
	if b.since.IsZero() || r.Largest >= b.size || now.Sub(b.since) > r.Age {
		*b = blackHole{since: now}
	}
	if r.Largest > 0 {
		b.reports++
	}
	return b.frames >= blackHoleFrames && b.reports >= blackHoleReports && now.Sub(b.since) >= blackHoleAfter
}
