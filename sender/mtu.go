package sender

import (
	"errors"
	"net/netip"
	"syscall"
	"time"

	"udpcam/protocol"
	"udpcam/sender/internal/path"
)

// If the user does not set the segment size, it is the largest that fits all paths. At first, and when the system refuses a
// datagram, the system's knowledge of the path's MTU decides (RFC 1191, RFC 8201). But some routers drop large datagrams
// without the error that these documents rely on. Reports show that: see blackHole. Segments only become smaller, because
// nothing tells when a path carries larger ones again.

const (
	// surelySegment fits the MTU that every IPv6 path has (RFC 8200), and all usual tunnels.
	surelySegment = 1152

	// A path is a black hole if for blackHoleAfter only small datagrams have come, although at least blackHoleFrames frames
	// were sent. At least blackHoleReports reports must tell of small datagrams: else the path may just be interrupted.
	blackHoleAfter   = 500 * time.Millisecond
	blackHoleFrames  = 3
	blackHoleReports = 2
)

// stepDown is the next smaller segment size to try if nothing tells what fits.
func stepDown(size int) int {
	if size > surelySegment {
		return surelySegment
	}
	return protocol.MinSegmentSize
}

// segmentSize is the largest segment size that fits the path, as far as the system knows.
func (d *destination) segmentSize() int {
	if c, ok := d.Conn.(interface{ PathMTU(netip.AddrPort) int }); ok {
		if mtu := c.PathMTU(d.Addr); mtu > 0 {
			return protocol.SegmentSizeFor(mtu)
		}
	}
	return protocol.DefaultSegmentSize
}

// segmentSize is the largest segment size that fits all paths, as far as the system knows.
func (s *Sender) segmentSize() int {
	size := protocol.DefaultSegmentSize
	for _, d := range s.destinations {
		size = min(size, d.segmentSize())
	}
	return size
}

// fit makes the segments of the next frames smaller, after a datagram was too large for a path. s.mu is held.
func (s *Sender) fit(d *destination) {
	known, now := d.segmentSize(), s.splitter.SegmentSize()
	if known >= now {
		known = stepDown(now)
	}
	if known >= now { // no smaller size is possible: from now on this counts as any other error
		s.sending.Lock()
		d.adapts = false
		s.sending.Unlock()
	}
	s.shrink(d, known, "the path carries only smaller datagrams")
}

// shrink sets the segment size of the next frames, if it is smaller than the present one. s.mu is held.
func (s *Sender) shrink(d *destination, size int, why string) {
	before := s.splitter.SegmentSize()
	if size >= before {
		return
	}
	s.splitter.Resize(size)
	s.ring.evict(s.ring.count)               // answers from these frames would not arrive
	d.path, d.hole = path.New(), blackHole{} // reports of earlier frames say nothing about the smaller datagrams
	s.config.Log.Info("smaller datagrams from here on", "addr", d.Addr, "segment", before, "now", size, "because", why)
}

// tooLarge reports whether an error says that a datagram is too large for the path.
func tooLarge(err error) bool { return errors.Is(err, syscall.EMSGSIZE) }

// A blackHole detects a path that silently drops large datagrams: small ones arrive, such as announcements, but none of
// those of frames. It is pure: now is an argument.
type blackHole struct {
	since   time.Time // when a large datagram was last reported
	frames  int       // sent since then
	size    int       // bytes in the datagrams of these frames; the smallest frame counts
	reports int       // of small datagrams, since then
}

// sent counts a frame that was sent in datagrams of that size.
func (b *blackHole) sent(size int) {
	if b.frames++; b.frames == 1 || size < b.size {
		b.size = size
	}
}

// learn learns from a report, and returns whether the path is a black hole. It starts again if the receiver joined after
// since: then it does not know what came before.
func (b *blackHole) learn(r protocol.Report, now time.Time) bool {
	if b.since.IsZero() || r.Largest >= b.size || now.Sub(b.since) > r.Age {
		*b = blackHole{since: now}
	}
	if r.Largest > 0 {
		b.reports++
	}
	return b.frames >= blackHoleFrames && b.reports >= blackHoleReports && now.Sub(b.since) >= blackHoleAfter
}
