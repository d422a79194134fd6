package sender

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"udpcam/internal/datagram"
	"udpcam/protocol"
	"udpcam/sender/internal/path"
)

// silence is how long a receiver may send no report before it counts as gone.
const silence = 5 * time.Second

// A Destination is an address and the socket that reaches it.
type Destination struct {
	Conn protocol.Conn
	Addr netip.AddrPort
}

// A destination is an address to which the sender sends, with all that is known of the path there.
type destination struct {
	Destination // changed under both Sender.mu and Sender.sending
	log         *slog.Logger
	automatic   bool      // whether the sender finds the segment size itself
	adapts      bool      // whether segments can become smaller when they are too large; guarded by Sender.sending
	failing     int       // size from which datagrams cannot be sent, 0 if all can; guarded by Sender.sending
	free        time.Time // when the rate that the user has set allows the next frame; used by Send only

	behind  atomic.Bool // whether its backlog is not empty
	refused atomic.Bool // whether the system says that nobody listens there

	name string // that is looked up again: host and port, "" if the host is no name
	open func(context.Context, netip.Addr) (protocol.Conn, error)

	// Sender.mu guards these.
	looked    time.Time // when the name was last looked up
	looking   bool      // whether it is being looked up
	answers   bool      // whether a receiver there can send feedback
	began     time.Time // when the first frame was sent, zero if none was
	reported  time.Time // when the last report came, zero if none has
	told      DestinationState
	announced announced
	subscription
	got       record
	backlog   []*backlog // of frames that are still leaving, in order
	skipped   uint64     // frames that were not sent there, because the path does not carry all
	skipping  uint32     // the first of the frames in a row that were not sent there, 0 if the last one was
	clock     protocol.RemoteClock
	path      *path.Path
	hole      blackHole
	sizing    sizing
	largest   int       // bytes in the largest datagram that was reported lately
	largestAt time.Time // when it was reported
	allowance allowance
}

func newDestination(d Destination, c Config) *destination {
	addr := d.Addr.Addr().Unmap()
	oneReceiver := addr.IsValid() && !addr.IsMulticast() && addr != broadcast
	made := &destination{
		Destination: d,
		log:         c.Log,
		answers:     oneReceiver && !c.OneWay && c.Wire != protocol.WireClassic,
		automatic:   c.automatic(),
		adapts:      c.automatic(),
		told:        Waiting,
		path:        path.New(),
	}
	made.measureAnew(c.Clock.Now())
	return made
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// send sends datagrams. It logs when sending begins to fail, and when it works again.
func (d *destination) send(datagrams []protocol.Datagram) error {
	err, first := d.Conn.Send(d.Addr, datagrams), size(datagrams[:1])
	switch {
	case d.adapts && tooLarge(err):
		return err // shrink will log it
	case errors.Is(err, datagram.ErrUndelivered), errors.Is(err, syscall.ECONNREFUSED):
		d.refused.Store(!d.subscribed()) // a port has other subscribers, of whom this may be
		return nil                       // these have left
	case err != nil && d.failing == 0 && !errors.Is(err, net.ErrClosed):
		attrs := []any{"addr", d.Addr, "error", err}
		if tooLarge(err) {
			attrs = append(attrs, "hint", "the network carries only smaller datagrams: choose a smaller --segment")
		}
		d.log.Warn("cannot send, will keep trying", attrs...)
	case err == nil && d.failing > 0 && first >= d.failing:
		d.log.Info("sending again", "addr", d.Addr)
		d.adapts = d.automatic
	case err == nil:
		return nil // all is well, or these were too small to tell
	}
	d.failing = 0
	if tooLarge(err) {
		d.failing = first
	} else if err != nil {
		d.failing = 1
	}
	return err
}

// is reports whether an address is this destination's. The zones of link-local addresses are not compared: a zone may be
// written as a name or as a number.
func (d *destination) is(from netip.AddrPort) bool {
	return from.Port() == d.Addr.Port() && from.Addr().Unmap().WithZone("") == d.Addr.Addr().Unmap().WithZone("")
}

// live reports whether reports come from there.
func (d *destination) live(now time.Time) bool {
	return !d.reported.IsZero() && now.Sub(d.reported) < silence
}

// gone reports whether reports came, and have stopped.
func (d *destination) gone(now time.Time) bool { return !d.reported.IsZero() && !d.live(now) }

// learn learns from a report of the receiver.
func (d *destination) learn(f protocol.Feedback, now time.Time) {
	if d.gone(now) { // after such a silence, nothing is known of the path
		d.path = path.New()
		d.measureAnew(now)
	}
	d.reported = now
	d.refused.Store(false)
	d.clock.Hear(f, now)
	if d.path.Report(*f.Report, now) {
		d.log.Warn("reports contradict each other, so somebody forges some: they are ignored until that ends", "addr", d.Addr,
			"hint", "seal the stream with --key")
	}
}

// A DestinationState says whether somebody receives at a destination, as far as that is known.
type DestinationState string

// The states of destinations.
const (
	Unknown   DestinationState = "unknown"   // multicast and one-way destinations send no reports
	Waiting   DestinationState = "waiting"   // no report has come, for less than five seconds
	Answering DestinationState = "answering" // reports come
	Silent    DestinationState = "silent"    // no report has ever come
	Refused   DestinationState = "refused"   // the system there says that nobody listens
	Gone      DestinationState = "gone"      // reports came, and have stopped
)

func (d *destination) state(now time.Time) DestinationState {
	switch {
	case !d.answers:
		return Unknown
	case d.live(now):
		return Answering
	case d.refused.Load():
		return Refused
	case !d.reported.IsZero():
		return Gone
	case !d.began.IsZero() && now.Sub(d.began) >= silence:
		return Silent
	}
	return Waiting
}

// logState logs when the state changes: a receiver answers, is gone, or is not there. Of subscribers other things are logged.
func (d *destination) logState(now time.Time) {
	if d.subscribed() {
		return
	}
	info := DestinationInfo{Addr: d.Addr, State: d.state(now)}
	switch {
	case info.State == d.told:
	case info.State == Answering:
		d.log.Info("a receiver answers", "addr", d.Addr)
	case info.Trouble() != "":
		d.log.Warn(info.Trouble())
	}
	d.told = info.State
}

// A DestinationInfo is what is known of a destination and of the path there.
type DestinationInfo struct {
	Addr  netip.AddrPort
	State DestinationState
	// Subscribed says that the receiver has asked for the stream. It is no destination any more when it stops asking.
	Subscribed bool
	// Skipped is how many frames were not sent there, because the path does not carry all.
	Skipped uint64
	// Reported is when the last report came, the zero time if none has. The fields below come from reports.
	Reported time.Time
	// RTT is the round-trip time, 0 if it has not been measured.
	RTT time.Duration
	// Loss is the share of datagrams that the network lost in the last seconds, 0 to 1. It does not count those that
	// overflowed a queue because a frame left too fast.
	Loss float64
	// Limit is an estimate of the bits a second that the path carries, 0 if it carries all that is sent.
	Limit float64
}

// Trouble is a sentence for the user if nobody receives there: what is wrong, and what to check. It is "" if somebody
// receives, or if that is not known.
func (i DestinationInfo) Trouble() string {
	switch i.State {
	case Silent:
		return fmt.Sprintf("nothing has answered from %v: is udpcam recv running there?", i.Addr)
	case Refused:
		return fmt.Sprintf("nobody listens at %v: is udpcam recv running there?", i.Addr)
	case Gone:
		return fmt.Sprintf("the receiver at %v does not answer any more: has it ended?", i.Addr)
	}
	return ""
}

func (d *destination) info(now time.Time) DestinationInfo {
	info := DestinationInfo{Addr: d.Addr, State: d.state(now), Subscribed: d.subscribed(), Skipped: d.skipped,
		Reported: d.reported}
	info.RTT, _ = d.clock.RTT()
	if !d.reported.IsZero() {
		info.Loss, info.Limit = d.path.Loss(), 8*d.path.Rate()
	}
	return info
}
