package sender

import (
	"time"

	"udpcam/protocol"
	"udpcam/sender/internal/path"
)

const (
	// minBurst is how many bytes leave at once at the least where a frame is paced: so few that every queue holds them,
	// and so many that a slow frame costs few timers.
	minBurst = 8 << 10

	// burstTime is for how long the bytes of one burst last on the path, if they are more than minBurst: about what a
	// timer takes to fire.
	burstTime = 250 * time.Microsecond

	// maxLate is up to which delay, by a busy machine, later bursts make up for it.
	maxLate = 50 * time.Millisecond
)

// A Pace says how fast a frame's datagrams leave. The zero value is as fast as the narrowest path takes them, which
// receivers' reports tell: at once, unless a queue on the way is too short for that.
type Pace struct {
	off   bool
	share float64 // of the time between two frames
	rate  float64 // bytes a second
}

// PaceOff has every frame leave at once.
var PaceOff = Pace{off: true}

// PaceShare spreads each frame over that share, 0 to 1, of the time from one frame to the next.
func PaceShare(share float64) Pace { return Pace{share: min(share, 1), off: share <= 0} }

// PaceRate is a fixed rate in bits a second. A source that makes more has to wait.
func PaceRate(bits float64) Pace { return Pace{rate: bits / 8} }

// rateOf is how many bytes of a frame of such a size leave a second, 0 for all at once, if the path takes as many as plan
// says.
func (p Pace) rateOf(size int, plan path.Plan) float64 {
	wanted := p.rate
	if p.share > 0 {
		wanted = float64(size) / (p.share * plan.Interval.Seconds())
	}
	switch {
	case p.off:
		return 0
	case wanted == 0 || plan.Rate > 0 && plan.Rate < wanted:
		return plan.Rate
	}
	return wanted
}

// A departure lets the datagrams of a frame leave at some bytes a second, in bursts with pauses between them. The zero
// value lets all leave at once.
type departure struct {
	rate float64
	next time.Time // when what has left is paid for in time, and the next burst may leave
}

// take returns how many of the datagrams, from the first, may leave now, none if there is a pause until d.next.
func (d *departure) take(datagrams []protocol.Datagram, now time.Time) (n int) {
	if d.rate == 0 {
		return len(datagrams)
	}
	late := now.Sub(d.next)
	if late > maxLate {
		d.next, late = now, 0
	}
	burst := max(minBurst, int(d.rate*burstTime.Seconds()))
	room := burst + int(d.rate*late.Seconds()) // less than a burst before d.next
	for _, g := range datagrams {
		bytes := len(g[0]) + len(g[1])
		if bytes > room && (n > 0 || room < burst) {
			break
		}
		room -= bytes
		d.next = d.next.Add(time.Duration(float64(bytes) / d.rate * float64(time.Second)))
		n++
	}
	return n
}

// size is how many bytes datagrams have.
func size(datagrams []protocol.Datagram) (bytes int) {
	for _, d := range datagrams {
		bytes += len(d[0]) + len(d[1])
	}
	return bytes
}
