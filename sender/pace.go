package sender

import (
	"time"

	"udpcam/protocol"
	"udpcam/sender/internal/path"
)

const (
	// minBurst is the least number of bytes that leave at once from a paced frame. Every queue can hold that many. So a
	// frame that leaves slowly needs few timers.
	minBurst = 8 << 10

	// burstTime is how long the path takes to carry a burst, if that is more than minBurst: about as long as a timer takes
	// to fire.
	burstTime = 250 * time.Microsecond

	// maxLate is the longest delay, by a busy machine, that later bursts make up for.
	maxLate = 50 * time.Millisecond
)

// A Pace says how fast a frame's datagrams leave. The zero value adapts to what receivers report: frames leave at once,
// unless a queue on the way is too short for that. Then they leave at the speed of the narrowest link.
type Pace struct {
	off    bool
	atMost bool    // whether rate is only a bound
	share  float64 // of the time between two frames
	rate   float64 // bytes a second
}

// PaceOff lets every frame leave at once.
var PaceOff = Pace{off: true}

// PaceShare spreads each frame over a share, 0 to 1, of the time from one frame to the next.
func PaceShare(share float64) Pace { return Pace{share: min(share, 1), off: share <= 0} }

// PaceRate is a fixed rate in bits a second. If the source makes more, Send blocks.
func PaceRate(bits float64) Pace { return Pace{rate: bits / 8} }

// PaceAtMost adapts as the zero value does, but no frame leaves faster than so many bits a second, in bursts of a
// millisecond. It is for receivers whose own buffer is short.
func PaceAtMost(bits float64) Pace { return Pace{atMost: true, rate: bits / 8} }

// adapts reports whether what receivers report decides how fast frames leave.
func (p Pace) adapts() bool { return p.atMost || p == Pace{} }

// rateOf is the rate in bytes a second at which a frame of size bytes leaves, 0 for all at once. It is never faster than the
// plan allows, unless pacing is off.
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

// departure says how a frame of size bytes leaves, from a time on.
func (p Pace) departure(size int, plan path.Plan, from time.Time) departure {
	d := departure{rate: p.rateOf(size, plan), next: from, slow: p.adapts()}
	if p.atMost && d.rate == p.rate {
		d.slow, d.burst = false, int(d.rate*time.Millisecond.Seconds())
	}
	return d
}

// A departure says when the datagrams of a frame leave: at a rate, in bursts with pauses between them. The zero value lets
// all leave at once.
type departure struct {
	rate  float64   // bytes a second, 0 for all at once
	burst int       // bytes that may leave at once, if that is more than other bursts have
	slow  bool      // whether that is because of the path
	next  time.Time // when the next burst may leave
}

// release returns how many of the datagrams, from the first on, leave now. It returns 0 if there is a pause until d.next.
func (d *departure) release(datagrams []protocol.Datagram, now time.Time) (n int) {
	if d.rate == 0 {
		return len(datagrams)
	}
	late := now.Sub(d.next)
	if late > maxLate {
		d.next, late = now, 0
	}
	burst := max(minBurst, d.burst, int(d.rate*burstTime.Seconds()))
	room := burst + int(d.rate*late.Seconds()) // before d.next, late is negative
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
