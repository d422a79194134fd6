package path

import (
	"time"

	"udpcam/protocol"
)

// A Path is what is known of one path. The zero value is not ready: see [New].
type Path struct {
	tempo  tempo
	link   link
	log    log
	loss   losses
	state  State
	probes int // trains in a row that arrived as fast as they left
}

// A State is one of the three that the package comment draws.
type State uint8

// The states.
const (
	Free State = iota
	Limited
	Probing
)

func (s State) String() string { return [...]string{"free", "limited", "probing"}[s] }

// New returns a path of which nothing is known. It is taken to carry everything and to lose a little.
func New() *Path { return &Path{loss: guessed()} }

// An Offer is a frame that could be sent: how many bytes the datagrams of its data have, and in how many blocks of how many
// data segments they are.
type Offer struct{ Bytes, Blocks, Segments int }

// A Plan says how a frame leaves.
type Plan struct {
	// Skip has the frame not be sent at all.
	Skip bool
	// Parity is how many parity segments each block gets.
	Parity int
	// Rate is how many bytes a second leave, 0 for all at once.
	Rate float64
	// Interval is the time from one frame of the source to the next, smoothed.
	Interval time.Duration
	// Share is the share of what the source makes that the path carries, 1 if that is all: a source that can should make
	// its frames smaller by this factor.
	Share float64
}

// And is the plan for two paths on which the same datagrams leave: the one that is worse off counts.
func (p Plan) And(q Plan) Plan {
	p.Skip = p.Skip || q.Skip
	p.Parity = max(p.Parity, q.Parity)
	if p.Rate == 0 || q.Rate > 0 && q.Rate < p.Rate {
		p.Rate = q.Rate
	}
	p.Share = min(p.Share, q.Share)
	return p
}

// Plan says how a frame is to leave that is offered now. It is called once for each frame of the source.
func (p *Path) Plan(o Offer, now time.Time) Plan {
	p.tempo.add(o.Bytes, now)
	plan := Plan{Parity: p.loss.parity(o.Segments, o.Blocks), Interval: p.tempo.interval, Share: 1}
	if p.state == Free {
		return plan
	}
	if p.overloaded() {
		plan.Share = headroom * p.rate() * p.tempo.interval.Seconds() / p.tempo.bytes
		if !p.loss.any() {
			plan.Parity = 0 // there is no room for what is not needed
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

// seconds is so many of them.
func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// gain is how much faster than the link a frame of so many bytes leaves.
func (p *Path) gain(bytes int) float64 {
	excess := min(float64(int(probe)<<p.probes)/float64(bytes), 0.5)
	if p.state == Limited {
		return min(gain, 1/(1-excess))
	}
	return 1 / (1 - excess)
}

// Begin takes in that a frame begins to leave now: so many datagrams of size bytes, at so many bytes a second, 0 for all at
// once.
func (p *Path) Begin(id uint32, datagrams, size int, rate float64, now time.Time) {
	p.log.add(sent{id: id, left: now, datagrams: datagrams, size: size, pace: rate, rate: p.rate()})
}

// End records that the frame that began last has left.
func (p *Path) End(now time.Time) {
	if f := p.log.newest(); f != nil && !f.reported {
		f.took = now.Sub(f.left)
	}
}

// Spare is how many bytes an answer to a request may have now: if the path does not carry all, no more than the next frame
// would have to wait for.
func (p *Path) Spare(now time.Time) int {
	if p.state == Free {
		return protocol.MaxFrameSize
	}
	return int(p.rate() * max(0, p.tempo.interval-p.wait(now)).Seconds())
}

// Answered records how many bytes were sent in answer to a request.
func (p *Path) Answered(bytes int) {
	if f := p.log.newest(); f != nil {
		f.answers += bytes
	}
}

// Report learns from a receiver's report. It ignores frames that were never sent or were reported before.
func (p *Path) Report(r protocol.Report, now time.Time) {
	p.loss.recover(r.Late)
	for _, t := range r.Trains {
		if f := p.log.find(t.FrameID); f != nil && !f.reported {
			f.reported = true
			p.learn(f, t, now)
		}
	}
}

// learn draws conclusions from what came of one frame.
func (p *Path) learn(f *sent, t protocol.Train, now time.Time) {
	t.Came = min(t.Came, f.datagrams)
	overflow := p.link.overflows(f, t) || p.state != Free && p.link.stillFull(f, t, now)
	sample, ok := 0.0, false
	if t.Came > 0 {
		sample, ok = p.link.add(f, t, overflow, now)
	}
	if !overflow {
		p.loss.add(f.datagrams, f.datagrams-t.Came, max(t.Runs, 1), now)
	}
	switch {
	case p.state == Free:
		if overflow || ok && p.overloaded() {
			p.state = Limited
		}
	case !ok:
	case p.rate() >= unpaced:
		p.state, p.probes = Free, 0
	case f.pace <= f.rate: // for another path's sake, or because it was told so: it tells nothing of this one
	case sample >= (f.rate+f.pace)/2 && !overflow:
		p.state, p.probes = Probing, min(p.probes+1, maxProbes)
	default:
		p.state, p.probes = Limited, 0
	}
}

// overloaded reports whether the source makes more than the link carries.
func (p *Path) overloaded() bool {
	rate := p.rate()
	return rate > 0 && p.tempo.bytes > rate*p.tempo.interval.Seconds()
}

// rate is how many bytes a second the link carries, 0 if unknown. It is at least one frame a second: without any frames the
// sender could not notice that the link carries more.
func (p *Path) rate() float64 {
	rate := p.link.rate()
	if rate > 0 {
		rate = max(rate, p.tempo.bytes)
	}
	return rate
}

// wait is how long a frame sent now would wait in the queue.
func (p *Path) wait(now time.Time) time.Duration {
	idle := p.link.idle // when the link has sent everything
	for f := range p.log.after(p.link.newest) {
		if f.left.After(idle) {
			idle = f.left
		}
		idle = idle.Add(seconds(float64(f.datagrams*f.size+f.answers) / p.rate()))
	}
	return max(0, idle.Sub(now))
}

// State is the state of the path.
func (p *Path) State() State { return p.state }

// Rate is how many bytes a second the path is thought to carry, 0 if it carries all that is sent.
func (p *Path) Rate() float64 {
	if p.state == Free || !p.overloaded() {
		return 0
	}
	return p.rate()
}

// Loss is the share of datagrams that the path lost in the last seconds, without those that overflowed a queue.
func (p *Path) Loss() float64 { return p.loss.slow.loss() }

// A tempo measures how often frames are offered and how many bytes they have.
type tempo struct {
	interval time.Duration // smoothed
	bytes    float64       // smoothed
	frames   int
	last     time.Time
}

// add takes in a frame. A pause counts as two intervals at the most, and frames that come at once, after the sender was
// busy with one, as half an interval at the least.
func (t *tempo) add(bytes int, now time.Time) {
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
