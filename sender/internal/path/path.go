package path

import (
	"time"

	"udpcam/protocol"
)

// A Path is what is known of one path. The zero value is not ready: see [New].
type Path struct {
	model
	tempo   tempo
	log     log
	history history
	doubted time.Time // when reports last contradicted each other, zero if they never did
}

// A state is one of the three states in the package comment.
type state string

const (
	free    state = "free"
	limited state = "limited"
	probing state = "probing"
)

// New returns a path of which nothing is known. It is assumed to carry everything and to lose a little.
func New() *Path {
	m := model{state: free, loss: guessed(), missing: guessed().slow}
	return &Path{model: m, history: newHistory(m)}
}

// An Offer is a frame that could be sent: the bytes in its data's datagrams, its blocks, and the data segments in a block.
type Offer struct{ Bytes, Blocks, Segments int }

// A Plan says how a frame leaves.
type Plan struct {
	// Skip says that the frame is not sent at all.
	Skip bool
	// Parity is how many parity segments each block gets.
	Parity int
	// Rate is the speed in bytes a second, 0 for all at once.
	Rate float64
	// Interval is the time from one frame of the source to the next, smoothed.
	Interval time.Duration
	// Share is the share of the source's bytes that the path carries, at most 1. If the source can make its frames smaller,
	// it should do so by this factor.
	Share float64
}

// Plan decides how a frame leaves. It must be called once for each frame of the source, with its time.
func (p *Path) Plan(o Offer, now time.Time) Plan {
	p.tempo.count(o.Bytes, now)
	plan := Plan{Parity: p.loss.parity(o.Segments, o.Blocks), Interval: p.tempo.interval, Share: 1}
	if p.state == free {
		return plan
	}
	if p.overloaded() {
		plan.Share = headroom * p.rate() * p.tempo.interval.Seconds() / p.tempo.bytes
		if !p.loss.any() {
			plan.Parity = 0 // on this path, parity that is not needed would take room from frames
		}
	}
	plan.Rate = max(p.rate()*p.gain(o.Bytes), float64(o.Bytes)/(leaveShare*p.tempo.interval.Seconds()))
	wait, atMost := p.wait(now), p.tempo.interval
	if room := p.link.room(now); room > 0 {
		bytes := float64(o.Bytes)
		grows := seconds(bytes/p.rate() - bytes/plan.Rate) // the queue, while the frame leaves
		atMost = min(atMost, time.Duration(roomShare*float64(room))-grows)
	}
	plan.Skip = wait > max(0, atMost)
	return plan
}

// seconds is a duration of n seconds.
func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// gain is how much faster than the link a frame leaves.
func (p *Path) gain(bytes int) float64 {
	excess := min(float64(int(probe)<<p.probes)/float64(bytes), 0.5)
	if p.state == limited {
		return min(gain, 1/(1-excess))
	}
	return 1 / (1 - excess)
}

// Begin records that a frame begins to leave: its number of datagrams, the bytes in each, and the rate in bytes a second, 0
// for all at once.
func (p *Path) Begin(id uint32, datagrams, size int, rate float64, now time.Time) {
	p.log.add(sent{id: id, left: now, datagrams: datagrams, size: size, pace: rate, rate: p.rate()})
}

// End records that the frame of the last Begin has left.
func (p *Path) End(now time.Time) {
	if f := p.log.newest(); f != nil && !f.reported {
		f.took = now.Sub(f.left)
	}
}

// Spare is how many bytes an answer to a request may have now. On a limited path it must not delay the next frame.
func (p *Path) Spare(now time.Time) int {
	if p.state == free {
		return protocol.MaxFrameSize
	}
	return int(p.rate() * max(0, p.tempo.interval-p.wait(now)).Seconds())
}

// Answered records that an answer to a request was sent, with this number of bytes.
func (p *Path) Answered(bytes int) {
	if f := p.log.newest(); f != nil {
		f.answers += bytes
	}
}

// learn learns from the train of one frame, and changes the state.
func (p *Path) learn(f *sent, t protocol.Train, now time.Time) {
	overflow := p.link.overflows(f, t) || p.state != free && p.link.stillFull(f, t, now)
	sample, ok := 0.0, false
	if t.Came > 0 {
		sample, ok = p.link.learn(f, t, overflow, now)
	}
	p.missing.add(f.datagrams, f.datagrams-t.Came, 0, now)
	if !overflow {
		p.loss.add(f.datagrams, f.datagrams-t.Came, max(t.Runs, 1), now)
	}
	switch {
	case p.state == free:
		if overflow || ok && p.overloaded() {
			p.state = limited
		}
	case !ok:
	case p.rate() >= unpaced:
		p.state, p.probes = free, 0
	case f.pace <= f.rate: // the frame left slowly because of another path or the user, so it shows nothing
	case sample >= (f.rate+f.pace)/2 && !overflow:
		p.state, p.probes = probing, min(p.probes+1, maxProbes)
	default:
		p.state, p.probes = limited, 0
	}
}

// overloaded reports whether the source makes more than the link carries.
func (p *Path) overloaded() bool {
	rate := p.rate()
	return rate > 0 && p.tempo.bytes > rate*p.tempo.interval.Seconds()
}

// rate is how many bytes a second the link carries, 0 if that is not known. It is at least one frame a second. Otherwise
// nothing would be sent that could show a higher rate.
func (p *Path) rate() float64 {
	rate := p.link.rate()
	if rate > 0 {
		rate = max(rate, p.tempo.bytes)
	}
	return rate
}

// wait is how long a frame that is sent now would wait in the queue.
func (p *Path) wait(now time.Time) time.Duration {
	idle := p.link.idle // when the link has sent everything
	first := 0          // that has not arrived
	for f := p.log.frame(first); f != nil && protocol.Newer(f.id, p.link.newest); f = p.log.frame(first) {
		first++
	}
	for n := first - 1; n >= 0; n-- {
		f := p.log.frame(n)
		if f.left.After(idle) {
			idle = f.left
		}
		idle = idle.Add(seconds(float64(f.datagrams*f.size+f.answers) / p.rate()))
	}
	return max(0, idle.Sub(now))
}

// Rate is the estimated capacity of the path in bytes a second, 0 if it carries all that is sent.
func (p *Path) Rate() float64 {
	if p.state == free || !p.overloaded() {
		return 0
	}
	return p.rate()
}

// Loss is the share of datagrams that the path lost in the last seconds, 0 to 1, without those that overflowed a queue.
func (p *Path) Loss() float64 { return p.loss.slow.loss() }

// Missing is the share of datagrams that did not come in the last seconds, 0 to 1, for whatever reason.
func (p *Path) Missing() float64 { return p.missing.loss() }

// A tempo measures how often frames are offered and how many bytes they have.
type tempo struct {
	interval time.Duration // between two frames, smoothed
	bytes    float64       // in a frame, smoothed
	frames   int
	last     time.Time
}

// count counts a frame. A pause counts as at most two intervals. Frames that come at once, because the sender was busy, count
// as at least half an interval.
func (t *tempo) count(bytes int, now time.Time) {
	gap := now.Sub(t.last)
	switch t.frames++; t.frames {
	case 1:
		t.interval, t.bytes = guessedInterval, float64(bytes)
	case 2:
		t.interval = max(min(gap, time.Second), time.Millisecond)
	default:
		t.interval += time.Duration(tempoGain * float64(min(max(gap, t.interval/2), 2*t.interval)-t.interval))
	}
	t.bytes += tempoGain * (float64(bytes) - t.bytes)
	t.last = now
}
