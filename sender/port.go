package sender

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"udpcam/internal/datagram"
	"udpcam/protocol"
)

// DefaultMaxSubscribers is how many receivers may subscribe to a stream unless a PortConfig says otherwise.
const DefaultMaxSubscribers = 64

// wantedFor is how long a port is wanted after somebody has asked it for streams. Receivers ask again twice a second.
const wantedFor = 2 * time.Second

// A PortConfig says how a Port works. The zero value is the documented default.
type PortConfig struct {
	// MaxSubscribers is how many receivers may subscribe to each stream. If there are more, one of the IPv4 address or IPv6
	// /64 that has the most gives way to one that has fewer. 0 means DefaultMaxSubscribers.
	MaxSubscribers int
	// Keys are those of streams that the port may have later. So it answers to their holders even now, and [Port.Wanted] tells
	// of them. The zero value among them stands for open streams.
	Keys []protocol.Key
	// Fragments lets datagrams that are larger than the network takes leave in fragments. Use it if [Config.SegmentSize] is
	// set.
	Fragments bool
	// NoGSO sends each datagram by a system call of its own.
	NoGSO bool
	// Clock is the port's clock. Nil means [datagram.SystemClock].
	Clock protocol.Clock
	// Log gets the problems that do not stop the port. Nil means slog.Default().
	Log *slog.Logger
}

// A Port is a UDP port at which receivers subscribe to streams. Several senders may share one: see [Config.Port]. Then a
// receiver that names no stream gets all. Its methods are for any goroutine.
type Port struct {
	config    PortConfig
	conn      protocol.Conn
	listening sync.WaitGroup

	mu      sync.Mutex // guards the fields below, and the sending side of conn; locked before Sender.mu
	door    *protocol.Doorkeeper
	senders []*Sender
	asked   time.Time // when somebody whose address is proven asked last
	waiting []waiting // those of them for whom there was no stream
	refused map[FeedbackRefusal]uint64
}

// maxWaiting is how many receivers may wait for streams that are not there yet. If there are more, the one that asked first has to
// ask again. It stops somebody with many addresses from filling the memory.
const maxWaiting = 64

// A waiting is a receiver that has asked for a stream which was not there. It asks again twice a second, but a stream that begins
// goes to it at once.
type waiting struct {
	protocol.Subscribe
	from netip.AddrPort
	at   time.Time
}

// A sharedConn is a port's conn. Several senders send by it, and so does the port.
type sharedConn struct {
	*datagram.UDP
	sending sync.Mutex
}

// Send implements [protocol.Conn].
func (c *sharedConn) Send(to netip.AddrPort, datagrams []protocol.Datagram) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.UDP.Send(to, datagrams)
}

// OpenPort opens a port at a UDP address of this machine: host:port, or :port for all its addresses.
func OpenPort(ctx context.Context, c PortConfig, addr string) (*Port, error) {
	conn, err := datagram.Listen(ctx, addr, datagram.Options{NoGSO: c.NoGSO, NoGRO: true, DontFragment: !c.Fragments,
		Refusals: true, Log: c.Log})
	if err != nil {
		return nil, err
	}
	return NewPort(c, &sharedConn{UDP: conn}), nil
}

// NewPort returns a port on a conn, which several goroutines may use for sending. The port owns it from then on.
func NewPort(c PortConfig, conn protocol.Conn) *Port {
	c.MaxSubscribers = cmp.Or(c.MaxSubscribers, DefaultMaxSubscribers)
	c.Clock = cmp.Or(c.Clock, datagram.SystemClock)
	c.Log = cmp.Or(c.Log, slog.Default())
	p := &Port{config: c, conn: conn, door: protocol.NewDoorkeeper(), refused: map[FeedbackRefusal]uint64{}}
	p.listening.Go(func() { listen(conn, nil, p.hear) })
	return p
}

// Listen returns a sender to those who subscribe at a UDP address of this machine: host:port, or :port for all its
// addresses. Nothing is sent while nobody does. [Port] has more possibilities.
func Listen(ctx context.Context, c Config, addr string) (*Sender, error) {
	port, err := OpenPort(ctx, PortConfig{NoGSO: c.NoGSO, Fragments: c.SegmentSize != 0, Clock: c.Clock, Log: c.Log}, addr)
	if err != nil {
		return nil, err
	}
	c.Port = port
	s, err := New(c)
	if err != nil {
		port.Close()
		return nil, err
	}
	s.ownPort = port
	return s, nil
}

// LocalAddr is the address that the port is bound to.
func (p *Port) LocalAddr() netip.AddrPort { return p.conn.LocalAddr() }

// Wanted reports whether somebody wants streams of this port: a receiver is subscribed to one, or has asked lately. So a
// relay knows when to fetch streams that it does not have yet.
func (p *Port) Wanted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.config.Clock.Now().Sub(p.asked) < wantedFor ||
		slices.ContainsFunc(p.senders, func(s *Sender) bool { return s.subscribers() > 0 })
}

// Refused counts the datagrams that came to the port and were ignored, by reason. Those about a stream are counted by its
// sender. The map is the caller's to keep.
func (p *Port) Refused() map[FeedbackRefusal]uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.refused)
}

// Close closes the port. Close its senders before.
func (p *Port) Close() error {
	err := p.conn.Close()
	p.listening.Wait()
	return err
}

// add adds a sender, and has those subscribe to it who wait for it, or have asked for all streams.
func (p *Port) add(s *Sender) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.config.Clock.Now()
	for _, o := range p.senders {
		for _, w := range o.asking() {
			if s.offers(w.Subscribe) {
				s.subscribe(w.Subscribe, w.from, now)
			}
		}
	}
	p.waiting = slices.DeleteFunc(p.waiting, func(w waiting) bool {
		fits, late := s.offers(w.Subscribe), now.Sub(w.at) >= wantedFor
		if fits && !late {
			s.subscribe(w.Subscribe, w.from, now)
		}
		return fits || late
	})
	p.senders = append(p.senders, s)
}

func (p *Port) remove(s *Sender) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.senders = slices.DeleteFunc(p.senders, func(o *Sender) bool { return o == s })
}

// hear handles a datagram that came to the port: feedback to one of the senders, or a Subscribe.
func (p *Port) hear(b []byte, from netip.AddrPort, now time.Time) {
	if session, ok := protocol.SessionOf(b); ok {
		if s := p.sender(session); s != nil {
			s.hear(p.conn, b, from, now)
		}
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	keys := slices.Clone(p.config.Keys)
	for _, s := range p.senders {
		if !slices.Contains(keys, s.config.Key) {
			keys = append(keys, s.config.Key)
		}
	}
	ask, err := p.door.Read(b, from, keys, now)
	if err != nil {
		p.refused[cmp.Or(refusals[err], FeedbackForeign)]++
		return
	}
	status := protocol.StatusCookie
	if ask.Proven {
		status = p.subscribe(ask, from, now)
	}
	if answer := p.door.Answer(ask, status, from, now); answer != nil {
		p.conn.Send(from, []protocol.Datagram{{answer, nil}}) // who gets no answer asks again
	}
}

// sender returns the sender of a session, or nil. It counts feedback for other sessions.
func (p *Port) sender(session uint32) *Sender {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.senders {
		if s.session.Load() == session {
			return s
		}
	}
	p.refused[FeedbackOtherSession]++
	return nil
}

// subscribe does what a receiver at a proven address asks for.
func (p *Port) subscribe(ask protocol.Subscribe, from netip.AddrPort, now time.Time) protocol.SubscribeStatus {
	if !ask.Farewell {
		p.asked = now
	}
	best := protocol.StatusNoStream
	for _, s := range p.senders {
		if !s.offers(ask) {
			continue
		}
		if status := s.subscribe(ask, from, now); best != protocol.StatusSubscribed {
			best = status
		}
	}
	p.waiting = slices.DeleteFunc(p.waiting, func(w waiting) bool {
		return w.from == from && w.Number == ask.Number && w.Key == ask.Key
	})
	if best == protocol.StatusNoStream && !ask.Farewell {
		p.waiting = append(p.waiting[max(0, len(p.waiting)+1-maxWaiting):], waiting{ask, from, now})
	}
	return best
}

// listen calls hear with each datagram that comes to a conn, until the conn is closed, or life has ended after an error.
func listen(conn protocol.Conn, life <-chan struct{}, hear func(b []byte, from netip.AddrPort, now time.Time)) {
	for {
		batches, err := conn.Receive()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // the error may be temporary: some systems report here that nobody listens at a destination
			select {
			case <-life:
				return
			case <-time.After(receiveRetry):
			}
		}
		for _, batch := range batches {
			for b := range batch.All() {
				hear(b, batch.From, batch.At)
			}
		}
	}
}
