// Package sender sends the frames of one stream, as datagrams, to one or more receivers.
//
//	s, err := sender.Dial(ctx, sender.Config{Name: "door"}, "192.168.1.20:12345")
//	defer s.Close()
//	for f, err := range src.Frames(ctx) {
//		sent, err := s.Send(f) // when it returns, the kernel has the frame
//	}
//
// Send runs in its caller's goroutine, all the way to the kernel. There is no queue in between, except for slow paths beside
// others: see backlog.go. Receivers may also come by themselves: see [Port].
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
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"udpcam/internal/datagram"
	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
	"udpcam/sender/internal/path"
)

// ErrNotJPEG means that a frame does not begin and end as a JPEG does.
var ErrNotJPEG = errors.New("the frame is not a JPEG")

// A Sender sends the frames of one stream. Send and Close are for one goroutine at a time. The other methods are for any.
type Sender struct {
	config  Config
	session atomic.Uint32
	ownPort *Port          // that Listen has opened, or nil
	tellOf  rate.Sometimes // when a line about a subscriber is logged

	// For the frame that leaves now; used by Send only.
	leaving  []leaving
	putsOff  bool           // what cannot leave yet may leave later, while the next frame leaves
	leftOut  []*destination // that do not get it, because their path does not carry all
	trains   [maxTrains]protocol.OutgoingTrain
	amounts  []int // of parity in the trains that are used
	quotable quotable

	sending   sync.Mutex      // guards the sending side of sockets; locked after mu
	life      context.Context // ends with Close
	close     context.CancelFunc
	closing   sync.Once
	listeners sync.WaitGroup // and lookups of names
	backlogs  sync.WaitGroup // that are leaving

	mu           sync.Mutex // guards the fields below
	room         *sync.Cond // a backlog has become shorter
	destinations []*destination
	answered     bool // whether any destination can send feedback
	splitter     splitter
	announcer    announcer
	ring         ring
	nobody       *path.Path // of which nothing is ever known
	nextID       uint32
	pressure     float64
	stats        Stats
}

// New returns a sender to destinations. It owns their conns from then on, unless it returns an error. Several destinations
// may share a conn. There may be none if the config has a port.
func New(c Config, to ...Destination) (*Sender, error) {
	switch {
	case len(to) == 0 && c.Port == nil:
		return nil, errors.New("no address to send to: give at least one")
	case c.Port != nil && c.Wire == protocol.WireClassic:
		return nil, errors.New("nobody can subscribe on the classic wire: send to an address, or choose the wire udpcam/1")
	case c.Port != nil && c.OneWay:
		return nil, errors.New("nobody can subscribe to a one-way sender: send to an address, or allow feedback")
	}
	c.Log = cmp.Or(c.Log, slog.Default())
	c.Clock = cmp.Or(c.Clock, datagram.SystemClock)
	s := &Sender{
		config:    c,
		tellOf:    rate.Sometimes{Interval: time.Second},
		answered:  c.Port != nil,
		announcer: announcer{name: c.Name, via: c.Via},
		nobody:    path.New(),
		pressure:  1,
		stats:     Stats{RefusedFeedback: map[FeedbackRefusal]uint64{}},
	}
	s.room = sync.NewCond(&s.mu)
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
			s.listen(d.Conn)
		}
	}
	if c.Port != nil {
		c.Port.add(s)
	}
	return s, nil
}

// listen handles what comes to a conn, until the conn is closed.
func (s *Sender) listen(conn protocol.Conn) {
	s.listeners.Go(func() {
		listen(conn, s.life.Done(), func(b []byte, from netip.AddrPort, now time.Time) { s.hear(conn, b, from, now) })
	})
}

// Send sends one frame to every destination. It ignores the frame's Stream and ID: the sender has its own. When Send
// returns, the kernel has the frame, and the caller may use its bytes again. If a path is slow and there are others, copies
// leave to it later. The sender also keeps a copy for a second, to answer requests.
//
// Sent is false if the frame was sent to nobody, because no path carries all frames, or because nobody has subscribed. A
// destination whose path does not carry all frames gets some of them. This is counted, and is not an error. Nor is it an
// error if a destination cannot be reached: that is counted and logged, and the next frame tries again. The error is
// ErrNotJPEG, protocol.ErrFrameSize, or net.ErrClosed after Close.
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
	if err := s.leave(o); err != nil {
		return false, err
	}
	s.finish(o)
	return true, nil
}

// begin plans a frame, and returns it ready to be sent. It returns nil if it is sent to nobody. The error is
// protocol.ErrFrameSize or net.ErrClosed.
func (s *Sender) begin(f protocol.Frame) (*protocol.Outgoing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() != nil {
		return nil, net.ErrClosed
	}
	if s.nextID == lastID && s.config.Key != (protocol.Key{}) {
		if err := s.newSession(s.splitter.SegmentSize()); err != nil {
			return nil, err
		}
	}
	s.awaitRoom()
	now := s.config.Clock.Now()
	s.expire(now)
	if s.config.automatic() {
		s.resize(now)
	}
	f.ID = s.nextID
	o := s.ring.newFrame()
	if err := s.splitter.Split(o, f, 0); err != nil {
		s.ring.spare = o
		return nil, err
	}
	s.plan(o, now)
	if len(s.leaving) == 0 {
		if len(s.destinations) > 0 {
			s.stats.Skipped++
		}
		s.ring.spare = o
		return nil, nil
	}
	s.nextID++ // now, so that no other frame gets this ID, even if sending fails
	s.makeTrains(o)
	return o, nil
}

// plan says where and how a frame leaves. Each path decides for itself. Nothing is known of the path to a receiver whose
// reports have stopped.
func (s *Sender) plan(o *protocol.Outgoing, now time.Time) {
	offer := path.Offer{Bytes: o.DataSize(), Blocks: o.Blocks(), Segments: o.BlockData()}
	unknown := s.nobody.Plan(offer, now)
	s.leaving, s.leftOut = s.leaving[:0], s.leftOut[:0]
	pressure := 0.0
	for _, d := range s.destinations {
		d.logState(now)
		s.lookAgain(d, now)
		plan := d.path.Plan(offer, now)
		if d.gone(now) {
			plan = unknown
		}
		if d.live(now) || !d.answers {
			pressure = max(pressure, plan.Share)
		}
		if plan.Skip {
			d.skipped++
			s.leftOut = append(s.leftOut, d)
			continue
		}
		if s.config.FEC.fixed {
			plan.Parity = s.config.FEC.segments(o.BlockData())
		}
		s.leaving = append(s.leaving, leaving{to: d, plan: plan})
	}
	s.pressure = cmp.Or(pressure, 1)
	s.putsOff = slices.ContainsFunc(s.destinations, func(d *destination) bool {
		return len(s.destinations) > 1 && d.live(now) && now.Sub(d.began) >= settling || len(d.backlog) > 0
	})
}

// finish counts a frame that was sent, and tells those who did not get it. If a destination can send requests, it copies the
// frame into the ring.
func (s *Sender) finish(o *protocol.Outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Clock.Now()
	for _, d := range s.leftOut {
		s.tellSkipped(d, o.FrameID())
	}
	if s.answered {
		s.ring.add(o, now)
	} else {
		s.ring.spare = o
	}
	s.stats.Frames++
	s.stats.FrameBytes += uint64(o.Size())
	for i := range s.leaving {
		s.leaving[i].to.skipping = 0
		s.countLeft(&s.leaving[i], now)
	}
}

// tellSkipped tells a destination that it does not get a frame which others got. With it, it names those before it again:
// the last Skip may have been lost. s.mu is held.
func (s *Sender) tellSkipped(d *destination, id uint32) {
	d.got.note(id, leftOut)
	if d.skipping == 0 || id-d.skipping >= ringFrames {
		d.skipping = id
	}
	s.tell(d, s.splitter.Skip(d.skipping, id)) // Send will notice if the sender is closed
}

// Close closes the sender's sockets, and waits for its goroutines to end. Before that, it lets frames leave to slow paths that
// Send has put off, for a second at most. It does not close the port of its config.
func (s *Sender) Close() error {
	var errs []error
	s.closing.Do(func() {
		s.awaitBacklogs()
		s.close()
		if s.config.Port != nil {
			s.config.Port.remove(s)
		}
		s.mu.Lock()
		for _, d := range s.destinations {
			if !d.subscribed() {
				errs = append(errs, d.Conn.Close())
			}
		}
		s.mu.Unlock()
		s.listeners.Wait()
		s.backlogs.Wait()
		if s.ownPort != nil {
			errs = append(errs, s.ownPort.Close())
		}
	})
	return errors.Join(errs...)
}
