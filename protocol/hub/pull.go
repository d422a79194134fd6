package hub

import (
	"errors"
	"slices"
	"time"

	"udpcam/protocol"
)

var errTooMany = errors.New("too many edges watch this stream")

// messageOverhead is how many bytes of NATS's own there may be around a frame.
const messageOverhead = 1 << 10

// A Pull is one stream at an edge. It decides whom to ask, when, and which frames are shown. The zero value knows no publisher.
// It is for one goroutine.
type Pull struct {
	offers  []string  // instances of publishers, the best first
	current string    // the one that is asked, "" if none
	since   time.Time // when the last frame of current came, or current was chosen
	clock   protocol.RemoteClock
	max     int64
	due     bool      // a want is to leave at once
	asked   time.Time // when the last one left
	tries   int       // how many have left since anything came
	inbox   int       // counts the inboxes

	shown Picture   // the last frame that was shown
	got   Picture   // the last that came from current
	came  time.Time // when it came

	TooBig int64 // bytes in the newest frame, if a server's limit is smaller, else 0

	Shown, Old, Late uint64 // frames: shown; left out because a newer one was shown; because they took too long
}

// Offers says which publishers have the stream, the best first.
func (p *Pull) Offers(instances []string, now time.Time) {
	p.offers = instances
	if !slices.Contains(instances, p.current) && (p.current == "" || now.Sub(p.since) > silence/2) {
		p.choose(now)
	}
}

// Connected says that there is a new connection to a server, which takes messages of up to max bytes. What was on its way is
// lost.
func (p *Pull) Connected(max int64, now time.Time) {
	p.max = max
	p.renew(now)
}

// choose takes the next publisher.
func (p *Pull) choose(now time.Time) {
	next := ""
	if len(p.offers) > 0 {
		next = p.offers[(slices.Index(p.offers, p.current)+1)%len(p.offers)]
	}
	if next != p.current {
		p.current, p.clock, p.got = next, protocol.RemoteClock{}, Picture{}
	}
	p.since = now
	p.renew(now)
}

// renew begins with a new inbox. Nothing that was sent to an old one comes any more, and the publisher knows that.
func (p *Pull) renew(now time.Time) {
	p.inbox++
	p.due, p.tries = true, 0
	if half := now.Add(-silence / 2); p.since.Before(half) {
		p.since = half
	}
}

// Absent says that nobody listens to the wants. The publisher may be about to come back, so it keeps its place for a moment.
func (p *Pull) Absent(now time.Time) {
	if soon := now.Add(absence - silence); p.since.After(soon) {
		p.since = soon
	}
}

// Publisher returns the instance that is asked, "" if there is none. Inbox changes when answers should go to a new inbox.
func (p *Pull) Publisher() (instance string, inbox int) { return p.current, p.inbox }

// Next returns the body of the want that is to leave now, if one is.
func (p *Pull) Next(now time.Time) (body []byte, ok bool) {
	if len(p.offers) > 1 && now.Sub(p.since) > silence || p.current == "" && len(p.offers) > 0 {
		p.choose(now)
	}
	if p.current == "" || !p.due && now.Before(p.Deadline()) {
		return nil, false
	}
	p.due, p.asked = false, now
	p.tries++
	have := p.got
	if have.Session == 0 {
		have = p.shown
	}
	return want{p.clock.AppendEcho(nil, now), have, p.max}.text(), true
}

// Deadline is when Next is to be called at the latest. The first wants follow each other soon: after a hub has died, the
// publisher may not be back yet.
func (p *Pull) Deadline() time.Time {
	return p.asked.Add(min(wantEvery, firstWants<<min(max(p.tries-1, 0), 8)))
}

// An Arrival is a message that came.
type Arrival struct {
	Show     bool          // a frame came with it, and is newer than all that were shown
	ID       uint32        // of the frame
	Captured time.Time     // by this machine's clock
	Timed    bool          // whether Captured is known; else it is the camera's own time
	Transit  time.Duration // from the publisher until here, as far as the clocks are known
}

// Take takes in a message that came to the present inbox: its header, and whether a frame is with it.
func (p *Pull) Take(text string, frame bool, now time.Time) (a Arrival, err error) {
	h, err := parseHeader(text)
	if err != nil {
		return a, err
	}
	p.clock.HearEcho(h.echo, now)
	p.tries = int(wantEvery / firstWants) // they have done their work
	p.due = true                          // a want says that it came
	if p.TooBig = h.tooBig; !frame || h.picture.Session == 0 {
		return a, nil
	}
	p.since, p.came, p.got = now, now, h.picture
	a.ID, a.Captured = h.picture.ID, h.picture.Captured
	if offset, _, ok := p.clock.Offset(); ok {
		left, _ := protocol.EchoSent(h.echo, now)
		a.Transit = max(0, now.Sub(left.Add(-offset)))
		if a.Timed = h.age >= 0; a.Timed {
			a.Captured = now.Add(-h.age - a.Transit)
		}
	}
	switch {
	case !h.picture.newerThan(p.shown):
		p.Old++
	case a.Transit > maxTransit:
		p.Late++
	default:
		p.shown, a.Show = h.picture, true
		p.Shown++
	}
	return a, nil
}

// Clock returns the round trip to the publisher, and how wrong times may be. It returns false while nothing is known.
func (p *Pull) Clock() (rtt, uncertainty time.Duration, ok bool) {
	rtt, ok = p.clock.RTT()
	_, uncertainty, _ = p.clock.Offset()
	return rtt, uncertainty, ok
}

// Came is when the last frame came, and the zero time before the first.
func (p *Pull) Came() time.Time { return p.came }
