// Package sender sends the frames of one stream, as datagrams, to one or more receivers.
//
//	s, err := sender.Dial(ctx, sender.Config{Name: "door"}, "192.168.1.20:12345")
//	defer s.Close()
//	for f, err := range src.Frames(ctx) {
//		sent, err := s.Send(f) // when it returns, the kernel has the frame
//	}
//
// Send runs in its caller's goroutine, all the way to the kernel. There is no queue in between.
//
//	Frame -> Sender.Send -> plan -> protocol.Splitter -> data, paced -> parity -> copy -> ring
//	                         ^                             |              |                 |
//	                         |              protocol.Conn of each destination <--- answers --+
//	                         |                             |                        ^
//	                     path.Path <-------- reports ------+------ requests --------+
//
// Each socket has one goroutine that handles feedback from receivers (feedback.go). Package path makes a model of the path
// from their reports. The model says whether a frame is sent, how fast, and with how much parity. Reports also show whether
// datagrams are too large for the path (mtu.go). Requests are answered at once from copies of the last frames (ring.go).
//
// One mutex guards what the goroutines share. It is not held while a frame leaves. The sender owns its destinations'
// sockets. Package source has the sources of frames.
package sender

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"udpcam/internal/datagram"
	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
	"udpcam/sender/internal/path"
)

// ErrNotJPEG means that a frame does not begin and end as a JPEG does.
var ErrNotJPEG = errors.New("the frame is not a JPEG")

// A Sender sends the frames of one stream. Send and Close are for one goroutine at a time. The other methods are for any.
type Sender struct {
	config       Config
	destinations []*destination
	answered     bool      // whether any destination can send feedback
	departure    departure // of the last frame that was sent; used by Send only
	quotable     quotable  // used by Send only

	sending   sync.Mutex      // guards the sending side of sockets; locked after mu
	life      context.Context // ends with Close
	close     context.CancelFunc
	closing   sync.Once
	listeners sync.WaitGroup // and lookups of names

	mu        sync.Mutex // guards the fields below
	splitter  splitter
	announcer announcer
	ring      ring
	nobody    *path.Path // decides when all receivers are gone
	nextID    uint32
	pressure  float64
	stats     Stats
}

// New returns a sender to destinations. It owns their conns from then on, unless it returns an error. Several destinations
// may share a conn.
func New(c Config, to ...Destination) (*Sender, error) {
	if len(to) == 0 {
		return nil, errors.New("no address to send to: give at least one")
	}
	c.Log = cmp.Or(c.Log, slog.Default())
	c.Clock = cmp.Or(c.Clock, datagram.SystemClock)
	s := &Sender{
		config:    c,
		announcer: announcer{name: c.Name},
		nobody:    path.New(),
		pressure:  1,
		stats:     Stats{RefusedFeedback: map[FeedbackRefusal]uint64{}},
	}
	s.life, s.close = context.WithCancel(context.Background())
	for _, d := range to {
		s.destinations = append(s.destinations, newDestination(d, c))
	}
	if err := s.newSession(cmp.Or(c.SegmentSize, s.largestSegment(c.Clock.Now()))); err != nil {
		s.close()
		return nil, err
	}
	conns := map[protocol.Conn]bool{}
	for _, d := range s.destinations {
		if d.answers && !conns[d.Conn] {
			s.answered, conns[d.Conn] = true, true
			s.listeners.Add(1)
			go s.listen(d.Conn)
		}
	}
	return s, nil
}

// Send sends one frame to every destination. It ignores the frame's Stream and ID: the sender has its own. When Send
// returns, the kernel has the frame, and the caller may use its bytes again. The sender keeps a copy for a second, to answer
// requests.
//
// Sent is false if the frame was skipped, because a path does not carry all frames. This is counted, and is not an error.
// Nor is it an error if a destination cannot be reached: that is counted and logged, and the next frame tries again. The
// error is ErrNotJPEG, protocol.ErrFrameSize, or net.ErrClosed after Close.
func (s *Sender) Send(f protocol.Frame) (sent bool, err error) {
	if !mjpeg.LooksLikeJPEG(f.JPEG) {
		return false, ErrNotJPEG
	}
	o, err := s.begin(f)
	if err != nil {
		return false, fmt.Errorf("frame of %d bytes: %w", len(f.JPEG), err)
	}
	if o == nil {
		return false, nil // skipped
	}
	if err := s.announceBefore(f); err != nil {
		return false, err
	}
	for first, n := 0, s.batch(o); first < o.Segments(); first += n {
		datagrams := o.DataFrom(first, n)
		if first == 0 {
			s.quotable.add(datagrams[0])
		}
		if err := s.leave(datagrams, false); err != nil {
			return false, err
		}
	}
	if err := s.leave(s.encode(o), true); err != nil {
		return false, err
	}
	s.finish(o)
	return true, nil
}

// sealedBatch is how many bytes of sealed datagrams are made before they are sent. So the first ones leave early, and all are
// still in the processor's cache when they are sent. With 64 KiB the median delay of a frame of 235 kB was 4 % longer.
const sealedBatch = 24 << 10

// batch is how many datagrams of a frame's data are made at a time.
func (s *Sender) batch(o *protocol.Outgoing) int {
	if s.config.Key == (protocol.Key{}) {
		return o.Segments() // open datagrams cost nothing to make: their payloads are views of the frame
	}
	return max(1, sealedBatch/o.DatagramSize())
}

// begin plans a frame, and returns it ready to be sent. It returns nil if the frame is skipped. The error is
// protocol.ErrFrameSize.
func (s *Sender) begin(f protocol.Frame) (*protocol.Outgoing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nextID == lastID && s.config.Key != (protocol.Key{}) {
		if err := s.newSession(s.splitter.SegmentSize()); err != nil {
			return nil, err
		}
	}
	now := s.config.Clock.Now()
	if s.config.automatic() {
		s.resize(now)
	}
	f.ID = s.nextID
	o := s.ring.newFrame()
	if err := s.splitter.Split(o, f, 0); err != nil {
		s.ring.spare = o
		return nil, err
	}
	plan := s.plan(path.Offer{Bytes: o.PlannedSize(), Blocks: o.Blocks(), Segments: o.BlockData()}, now)
	s.pressure = plan.Share
	if plan.Skip {
		s.stats.Skipped++
		s.ring.spare = o
		return nil, nil
	}
	if s.config.FEC.fixed {
		plan.Parity = s.config.FEC.segments(o.BlockData())
	}
	s.nextID++ // now, so that no other frame gets this ID, even if sending fails
	o.SetParity(plan.Parity)
	s.depart(o.PlannedSize(), plan)
	for _, d := range s.destinations {
		if d.began.IsZero() {
			d.began = now
		}
		d.logState(now)
		s.lookAgain(d, now)
		d.path.Begin(f.ID, o.Planned(), o.DatagramSize(), s.departure.rate, now)
		d.hole.sent(o.Largest())
	}
	return o, nil
}

// plan says how a frame leaves. All destinations get the same datagrams, so the worst path decides. A destination whose
// reports have stopped does not count.
func (s *Sender) plan(o path.Offer, now time.Time) (plan path.Plan) {
	planned := false
	for _, d := range s.destinations {
		switch p := d.path.Plan(o, now); {
		case d.gone(now):
		case planned:
			plan = plan.And(p)
		default:
			plan, planned = p, true
		}
	}
	if !planned {
		plan = s.nobody.Plan(o, now)
	}
	return plan
}

// depart sets the departure for a frame of size bytes.
func (s *Sender) depart(size int, plan path.Plan) {
	next := s.config.Clock.Now()
	if s.config.Pace.rate > 0 && s.departure.next.After(next) {
		next = s.departure.next // the last frame still uses up the rate
	}
	s.departure = departure{rate: s.config.Pace.rateOf(size, plan), next: next}
}

// encode computes a frame's parity and returns its datagrams.
func (s *Sender) encode(o *protocol.Outgoing) []protocol.Datagram {
	s.mu.Lock()
	defer s.mu.Unlock()
	return o.Parity()
}

// finish counts a frame that was sent. If a destination can send requests, it copies the frame into the ring.
func (s *Sender) finish(o *protocol.Outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Clock.Now() // before the copy: its time does not belong to the frame's departure
	if s.answered {
		s.ring.add(o, now)
	} else {
		s.ring.spare = o
	}
	s.stats.Frames++
	s.stats.FrameBytes += uint64(o.Size())
	for _, d := range s.destinations {
		d.path.End(now)
		d.allowance.earn(d.answerShare(now), d.sent.bytes)
		s.stats.Datagrams += uint64(d.sent.datagrams)
		s.stats.Parity += uint64(d.sent.parity)
		s.stats.WireBytes += uint64(d.sent.bytes)
		if d.sent.failed {
			s.stats.Failed++
		}
		if d.sent.tooLarge {
			s.fit(d, now)
		}
		d.sent = sent{}
	}
}

// Close closes the sender's sockets, and waits for its goroutines to end.
func (s *Sender) Close() error {
	var errs []error
	s.closing.Do(func() {
		s.close()
		s.mu.Lock()
		for _, d := range s.destinations {
			errs = append(errs, d.Conn.Close())
		}
		s.mu.Unlock()
		s.listeners.Wait()
	})
	return errors.Join(errs...)
}
