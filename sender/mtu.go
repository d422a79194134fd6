package sender

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"udpcam/internal/datagram"
	"udpcam/protocol"
	"udpcam/sender/internal/path"
)

// If the user does not set the segment size, it is the largest that fits all paths (RFC 8899). It becomes smaller if
//
//   - the system refuses a datagram: the interface by which it leaves takes only smaller ones,
//   - a router says that a datagram of ours is too large (RFC 1191, RFC 8201), and no report shows that such datagrams
//     arrive,
//   - reports show that only small datagrams arrive: some routers drop large ones and say nothing. See blackHole.
//
// Anybody can forge what a router says. So it must quote a frame that was sent, and it never leads to segments of less than
// surelySegment. Nothing is smaller for good: see sizing.

const (
	// surelySegment fits the MTU that every IPv6 path has (RFC 8200), and all usual tunnels.
	surelySegment = 1152

	// probeWait is how long a probe may take to be reported. searchAgain is the time between two searches for a larger size.
	// A search costs some datagrams, but no frame. Where nothing is ever reported, what the system knows of the path counts
	// again after searchUnheard.
	probeWait     = 500 * time.Millisecond
	searchAgain   = 3 * time.Second
	searchUnheard = time.Minute

	// A path is a black hole if for blackHoleAfter only small datagrams have come, although at least blackHoleFrames frames
	// were sent. At least blackHoleReports reports must tell of small datagrams: else the path may just be interrupted.
	blackHoleAfter   = 500 * time.Millisecond
	blackHoleFrames  = 3
	blackHoleReports = 2
)

// A sizing is the segment size that a path carries, and the search for a larger one. A search begins at the default size
// and halves what is left until it is over. Each size is tried by a probe, which is an announcement of that size. A probe
// that is lost costs no frame. A sizing is pure: now is an argument.
type sizing struct {
	size   int       // of the segments that the path carries
	probe  int       // size that a probe under way tries, 0 if there is none
	failed int       // the smallest size that has failed in this search, 0 if none has
	due    time.Time // when the probe counts as lost, or when the next search begins
}

// next returns the size to try now. It is 0 if there is none.
func (s *sizing) next(now time.Time) int {
	if s.size >= protocol.DefaultSegmentSize || now.Before(s.due) {
		return 0
	}
	if s.probe > 0 {
		s.failed = s.probe
	}
	s.probe = protocol.DefaultSegmentSize
	if s.failed > 0 {
		s.probe = (s.size + s.failed) / 2 / protocol.Unit * protocol.Unit
	}
	if s.probe <= s.size {
		s.probe, s.failed, s.due = 0, 0, now.Add(searchAgain)
		return 0
	}
	s.due = now.Add(probeWait)
	return s.probe
}

// arrived says that the probe has arrived. The search goes on at once.
func (s *sizing) arrived() { s.size, s.probe, s.due = s.probe, 0, time.Time{} }

// stepDown is the next smaller segment size to try if nothing tells what fits.
func stepDown(size int) int {
	if size > surelySegment {
		return surelySegment
	}
	return protocol.MinSegmentSize
}

// knownSize is the largest segment size that fits the path, as far as the system knows.
func (d *destination) knownSize() int {
	if c, ok := d.Conn.(interface{ PathMTU(netip.AddrPort) int }); ok {
		if mtu := c.PathMTU(d.Addr); mtu > 0 {
			return protocol.SegmentSizeFor(mtu)
		}
	}
	return protocol.DefaultSegmentSize
}

// measureAnew forgets what is known of the path's size. The system may have believed a forged message, so its word counts
// only down to surelySegment.
func (d *destination) measureAnew(now time.Time) {
	d.hole, d.sizing = blackHole{}, sizing{size: max(d.knownSize(), surelySegment), due: now.Add(searchAgain)}
	if !d.answers { // nothing will report a probe
		d.sizing.due = now.Add(searchUnheard)
	}
}

// largestSegment is the largest segment size that fits all paths. Receivers that are gone do not count.
func (s *Sender) largestSegment(now time.Time) int {
	size := protocol.DefaultSegmentSize
	for _, d := range s.destinations {
		if !d.gone(now) {
			size = min(size, d.sizing.size)
		}
	}
	return size
}

// resize sets the segment size of the next frames. s.mu is held.
func (s *Sender) resize(now time.Time) {
	for _, d := range s.destinations {
		s.hearRouters(d, now)
		if !d.answers && d.sizing.size < protocol.DefaultSegmentSize && !now.Before(d.sizing.due) {
			d.measureAnew(now)
		}
	}
	before, size := s.splitter.SegmentSize(), s.largestSegment(now)
	if size < before {
		s.ring.evict(s.ring.count) // answers from these frames would not arrive
	}
	if size != before {
		s.splitter.Resize(size)
	}
}

// fit makes the segments of the next frames smaller, after the system refused a datagram as too large. s.mu is held.
func (s *Sender) fit(d *destination, now time.Time) {
	size, before := d.knownSize(), s.splitter.SegmentSize()
	if before > surelySegment {
		size = max(size, surelySegment)
	}
	if size >= before {
		size = stepDown(before)
	}
	if size >= before { // no smaller size is possible: until something leaves again this counts as any other error
		s.sending.Lock()
		d.adapts = false
		s.sending.Unlock()
	}
	s.shrink(d, size, "the network here takes only smaller datagrams", now)
}

// hearRouters makes the segments of the next frames smaller if a router says that they are too large. s.mu is held.
func (s *Sender) hearRouters(d *destination, now time.Time) {
	c, ok := d.Conn.(interface{ TooBig() []datagram.TooBig })
	if !ok {
		return
	}
	for _, m := range c.TooBig() {
		for _, other := range s.destinations { // by the same conn
			if other.is(m.To) && !other.carries(m.MTU, now) && s.quotable.has(m.Quote) {
				s.shrink(other, max(protocol.SegmentSizeFor(m.MTU), surelySegment), "a router says so", now)
			}
		}
	}
}

// carries reports whether a datagram that was larger than an MTU has lately arrived. Then who tells of this MTU lies.
func (d *destination) carries(mtu int, now time.Time) bool {
	headers := 48 // IPv6 and UDP
	if d.Addr.Addr().Unmap().Is4() {
		headers = 28
	}
	return d.largest+headers > mtu && now.Sub(d.largestAt) < blackHoleAfter
}

// shrink sets a destination's segment size, if it is smaller than the present one. s.mu is held.
func (s *Sender) shrink(d *destination, size int, why string, now time.Time) {
	before := d.sizing.size
	if size >= before {
		return
	}
	d.measureAnew(now)
	d.sizing.size = size
	d.path = path.New() // reports of earlier frames say nothing about the smaller datagrams
	s.config.Log.Info("smaller datagrams from here on", "addr", d.Addr, "segment", before, "now", size, "because", why)
}

// measure learns from a report what sizes arrive. s.mu is held.
func (s *Sender) measure(d *destination, r protocol.Report, now time.Time) {
	if r.Largest >= d.largest || now.Sub(d.largestAt) >= blackHoleAfter {
		d.largest, d.largestAt = r.Largest, now
	}
	if !s.config.automatic() {
		return
	}
	overhead := protocol.SegmentHeaderSize
	if s.config.Key != (protocol.Key{}) {
		overhead += protocol.TagSize
	}
	if before := d.sizing.size; d.sizing.probe > 0 && r.Largest >= overhead+d.sizing.probe {
		d.sizing.arrived()
		s.config.Log.Info("larger datagrams from here on", "addr", d.Addr, "segment", before, "now", d.sizing.size)
	}
	if d.hole.learn(r, now) {
		before := d.sizing.size
		s.shrink(d, stepDown(before), "large datagrams do not arrive, small ones do", now)
		d.sizing.failed, d.sizing.due = before, now // search at once
	}
}

// search sends a probe to a destination, if one is due. An announcement was just made; the probe is a second one. s.mu is
// held.
func (s *Sender) search(d *destination, a protocol.Announcement, now time.Time) {
	prober, ok := s.splitter.(interface {
		Probe(a protocol.Announcement, clock *protocol.RemoteClock, segmentSize int, now time.Time) []protocol.Datagram
	})
	if !ok || !d.live(now) || !s.config.automatic() {
		return
	}
	if size := d.sizing.next(now); size > 0 {
		datagrams := prober.Probe(a, &d.clock, size, now)
		if s.transmit(d, datagrams) == nil { // if the system refuses it, nothing will arrive
			s.count(datagrams)
		}
	}
}

// tooLarge reports whether an error says that a datagram is too large for the path.
func tooLarge(err error) bool { return errors.Is(err, syscall.EMSGSIZE) }

// A quotable remembers by what the datagrams of the last frames are known. Somebody who has not read them cannot guess it.
type quotable struct {
	frames [32]known
	next   int
}

// A known is the part of the header that is the same in all datagrams of a frame: the frame's ID, length, checksum and time.
// The amount of parity is left out.
type known [commonEnd - commonStart]byte

const commonStart, parityAt, commonEnd = 8, 17, protocol.SegmentHeaderSize // see protocol/README.md

func knownBy(header []byte) (k known) {
	copy(k[:], header[commonStart:commonEnd])
	k[parityAt-commonStart] = 0
	return k
}

func (q *quotable) add(d protocol.Datagram) {
	if len(d[0]) >= commonEnd {
		q.frames[q.next%len(q.frames)] = knownBy(d[0])
		q.next++
	}
}

// has reports whether b is the beginning of such a datagram.
func (q *quotable) has(b []byte) bool {
	return len(b) >= commonEnd && slices.Contains(q.frames[:min(q.next, len(q.frames))], knownBy(b))
}

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
