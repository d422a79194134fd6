package sender

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/datagram"
	"udpcam/sender/path"
)

// silence is how long a receiver may say nothing before it does not count any more.
const silence = 5 * time.Second

// A Destination is an address and the socket by which to reach it.
type Destination struct {
	Conn datagram.Conn
	Addr netip.AddrPort
}

// A destination is an address that is sent to, and what is known of the path there.
type destination struct {
	Destination
	log     *slog.Logger
	answers bool // whether a receiver there can report and ask
	adapts  bool // whether segments become smaller when they are too large; Send's own, changed under Sender.sending
	failing int  // bytes in the datagrams that cannot be sent, 0 if all can; guarded by Sender.sending
	sent    sent // of the present frame; Send's own

	// What follows is guarded by Sender.mu.
	reported  time.Time // when the last report came, zero if none has
	clock     protocol.Clock
	path      *path.Path
	hole      blackHole
	allowance allowance
}

// A sent counts what of a frame was sent to a destination.
type sent struct {
	datagrams, parity, bytes int
	failed                   bool // at least in part
	tooLarge                 bool // for the path
}

func newDestination(d Destination, c Config) *destination {
	addr := d.Addr.Addr().Unmap()
	oneReceiver := addr.IsValid() && !addr.IsMulticast() && addr != broadcast
	return &destination{
		Destination: d,
		log:         c.Log,
		answers:     oneReceiver && !c.OneWay && c.Wire != protocol.WireClassic,
		adapts:      c.automatic(),
		path:        path.New(),
	}
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// send sends datagrams, and logs when that begins to fail and when it works again.
func (d *destination) send(datagrams []protocol.Datagram) error {
	err, first := d.Conn.Send(d.Addr, datagrams), size(datagrams[:1])
	switch {
	case d.adapts && tooLarge(err):
		return err // which is told when they become smaller
	case err != nil && d.failing == 0 && !errors.Is(err, net.ErrClosed):
		attrs := []any{"addr", d.Addr, "error", err}
		if tooLarge(err) {
			attrs = append(attrs, "hint", "the network takes only smaller datagrams: choose a smaller --segment")
		}
		d.log.Warn("cannot send, will keep trying", attrs...)
	case err == nil && d.failing > 0 && first >= d.failing:
		d.log.Info("sending again", "addr", d.Addr)
	case err == nil:
		return nil // or of datagrams so small that it tells nothing
	}
	d.failing = 0
	if tooLarge(err) {
		d.failing = first
	} else if err != nil {
		d.failing = 1
	}
	return err
}

// is reports whether datagrams from an address come from this destination. The zone of a link-local address is left
// out: it has a name or a number.
func (d *destination) is(from netip.AddrPort) bool {
	return from.Port() == d.Addr.Port() && from.Addr().Unmap().WithZone("") == d.Addr.Addr().Unmap().WithZone("")
}

// live reports whether a receiver there reports.
func (d *destination) live(now time.Time) bool {
	return !d.reported.IsZero() && now.Sub(d.reported) < silence
}

// report takes in a report.
func (d *destination) report(f protocol.Feedback, now time.Time) {
	if !d.reported.IsZero() && !d.live(now) { // it is another receiver, or as good as one
		d.path, d.hole = path.New(), blackHole{}
	}
	d.reported = now
	d.clock.Hear(f, now)
	d.path.Report(*f.Report, now)
}

// A DestinationInfo tells what is known of a destination and of the path there.
type DestinationInfo struct {
	Addr netip.AddrPort
	// Reported is when its receiver reported last, the zero time if it never has, as when there is none, or it was
	// told not to. What follows comes from its reports.
	Reported time.Time
	// RTT is the round-trip time, 0 if it has not been measured.
	RTT time.Duration
	// ClockOffset is by how much the receiver's clock is ahead of this one, and ClockUncertainty how much that may be
	// wrong. Both are 0 if RTT is.
	ClockOffset, ClockUncertainty time.Duration
	// Loss is the share of datagrams that the network lost in the last seconds, 0 to 1, without those that a frame lost
	// because it left faster than a queue could hold.
	Loss float64
	// Queueing is how much longer the last frame took to begin to arrive than the fastest of the last seconds.
	Queueing time.Duration
	// Limit is how many bits a second the path is thought to carry, 0 if it carries all that is sent.
	Limit float64
}

func (d *destination) info() DestinationInfo {
	info := DestinationInfo{Addr: d.Addr, Reported: d.reported}
	info.RTT, _ = d.clock.RTT()
	info.ClockOffset, info.ClockUncertainty, _ = d.clock.Offset()
	if !d.reported.IsZero() {
		info.Loss, info.Queueing, info.Limit = d.path.Loss(), d.path.Queueing(), 8*d.path.Rate()
	}
	return info
}
