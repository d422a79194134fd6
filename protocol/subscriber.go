package protocol

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

// How a receiver asks for streams. The figures stand in README.md too.
const (
	// askInterval is the time between two Subscribes if no stream comes. firstAsks are the first such times: they are short,
	// because nobody waits for a picture longer than at the start.
	askInterval = 500 * time.Millisecond

	// fullInterval is the same if the sender has no place, or if a stream comes although the sender has never answered.
	fullInterval = 2 * time.Second

	// allInterval is the same while streams come, if all of a port are wanted: more may have been added, and those that
	// pause send no announcements that could be answered by reports. It is shorter than the lease.
	allInterval = 2 * time.Second

	// otherKeyInterval is the same for a key that the sender has not answered to, if it has answered to another one.
	otherKeyInterval = 5 * time.Second

	// subscriberSilence is how long no stream may come until the receiver asks again: two and a half reports.
	subscriberSilence = 500 * time.Millisecond

	// cookieInterval is the least time between two Subscribes that leave at once because a new cookie has come.
	cookieInterval = 200 * time.Millisecond

	// maxUnheard is how many Subscribes in a row may go unanswered, and unheardFor how long. After that the user is told.
	maxUnheard = 5
	unheardFor = 1500 * time.Millisecond

	// farewells is how many copies of a farewell leave, because one may get lost.
	farewells = 2
)

var firstAsks = []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond}

// A Subscriber subscribes to the streams of one sender's port. It knows what to send, and when. It never sends more than
// some two datagrams a second for long, whatever comes.
//
// When Deadline has come, call Hear, and then Next until it has nothing more. Call Next after Read too. A Subscriber is for
// one goroutine at a time.
type Subscriber struct {
	to      netip.AddrPort
	name    string
	number  uint64
	control controlHeader // of the last sealed Subscribe
	keys    []subscriptionKey
	asks    []*ask    // one for each key; if there are none, one without a key
	tokens  float64   // how many datagrams may leave now
	filled  time.Time // when tokens were last added
	heard   time.Time // when the last answer or datagram of a stream came
	unheard int       // Subscribes since then
	alone   time.Time // when the first of these left
	scratch []byte
}

// NewSubscriber returns a subscriber to the stream of that name, or to all streams if it is empty. With keys it asks only
// for sealed streams, and without only for open ones.
func NewSubscriber(to netip.AddrPort, name string, keys []Key, now time.Time) *Subscriber {
	s := &Subscriber{name: CleanName(name), control: controlHeader{origin: randomOrigin()}, keys: subscriptionKeys(keys),
		tokens: maxAsking}
	for i := range s.keys {
		s.asks = append(s.asks, &ask{key: &s.keys[i]})
	}
	if len(s.asks) == 0 {
		s.asks = []*ask{{}}
	}
	var random [8]byte
	rand.Read(random[:])
	s.number = binary.BigEndian.Uint64(random[:])
	s.Move(to, now)
	return s
}

// Move has the subscriber ask at another address: the sender has moved there.
func (s *Subscriber) Move(to netip.AddrPort, now time.Time) {
	for i, a := range s.asks {
		s.asks[i] = &ask{key: a.key, next: now}
	}
	s.to, s.heard, s.unheard = to, time.Time{}, 0
}

// To is the address that is asked.
func (s *Subscriber) To() netip.AddrPort { return s.to }

// Name is the name of the wanted stream, empty if all are wanted.
func (s *Subscriber) Name() string { return s.name }

// Heard is when the last answer, or the last datagram of a stream, came from that address. It is the zero time if none has.
func (s *Subscriber) Heard() time.Time { return s.heard }

// Hear tells when the last datagram of a wanted stream came from that address, for each key: the zero time if none did. The
// zero value of Key stands for open streams.
func (s *Subscriber) Hear(last func(Key) time.Time) {
	for _, a := range s.asks {
		key := Key{}
		if a.key != nil {
			key = a.key.Key
		}
		at := last(key)
		if at.After(s.heard) {
			s.heard, s.unheard = at, 0
		}
		a.stream = at
	}
}

// Read reads an answer that came from the address that is asked. It opens a sealed one in place. The error says why the
// answer does not count: ErrForeign, ErrUnknownType, ErrMalformed, ErrUnsealed, ErrWrongKey, ErrReplayed, or ErrOtherSession
// if it is about another subscription.
func (s *Subscriber) Read(b []byte, now time.Time) error {
	p, err := parsePrefix(b)
	switch {
	case err != nil:
		return err
	case p.Type != typeAnswer:
		return ErrUnknownType
	case p.Sealed && len(s.keys) == 0:
		return ErrWrongKey
	case !p.Sealed && len(s.keys) > 0:
		return ErrUnsealed
	}
	asked := s.asks[0]
	if p.Sealed {
		h, key, open, err := openSubscription(s.keys, b, &s.scratch)
		if err != nil {
			return err
		}
		asked, b = s.asks[key], open
		if h.origin == asked.answers.origin && h.counter <= asked.answers.counter {
			return ErrReplayed
		}
		asked.answers = h
	}
	answer, err := parseAnswer(b)
	switch {
	case err != nil:
		return err
	case answer.number != s.number:
		return ErrOtherSession
	}
	s.heard, s.unheard = now, 0
	asked.heed(answer, now)
	return nil
}

// due is when the next Subscribe is to leave. As long as a stream comes, its reports keep up the subscription.
func (s *Subscriber) due(a *ask, now time.Time) time.Time {
	quiet := a.stream.Add(subscriberSilence)
	switch {
	case a.status != StatusSubscribed || !a.flows(now) || quiet.Before(a.next):
		return a.next
	case s.name == "" && a.left.Add(allInterval).Before(quiet):
		return a.left.Add(allInterval)
	}
	return quiet
}

// next returns what is to be asked next.
func (s *Subscriber) next(now time.Time) *ask {
	return slices.MinFunc(s.asks, func(a, b *ask) int { return s.due(a, now).Compare(s.due(b, now)) })
}

// Next returns the next datagram that is to leave now, to the address that is asked. The bytes are the caller's to keep.
func (s *Subscriber) Next(now time.Time) (b []byte, ok bool) {
	if passed := now.Sub(s.filled); passed > 0 && !s.filled.IsZero() {
		s.tokens = min(maxAsking, s.tokens+passed.Seconds()*askingRate)
	}
	s.filled = now
	a := s.next(now)
	if now.Before(s.due(a, now)) || s.tokens < 1 {
		return nil, false
	}
	a.asked, a.left, a.next = true, now, now.Add(s.wait(a, now))
	a.first = min(a.first+1, len(firstAsks))
	s.tokens--
	if s.unheard++; s.unheard == 1 {
		s.alone = now
	}
	return s.subscribe(a, false), true
}

// wait is how long to wait until the next Subscribe with that key. It is longer if there are several keys, of which most
// will not fit.
func (s *Subscriber) wait(a *ask, now time.Time) time.Duration {
	wait := a.interval(now)
	if a.first < len(firstAsks) || a.answered() {
		return wait
	}
	if slices.ContainsFunc(s.asks, (*ask).answered) {
		return max(wait, otherKeyInterval)
	}
	return wait * time.Duration(len(s.asks))
}

// Deadline is when Next must be called again at the latest. Before that call, Hear must have been called.
func (s *Subscriber) Deadline(now time.Time) time.Time {
	due := s.due(s.next(now), now)
	if due.IsZero() { // after a farewell
		due = now
	}
	if s.tokens < 1 {
		wait := time.Duration((1-s.tokens)/askingRate*float64(time.Second)) + time.Millisecond // rounded up
		if full := s.filled.Add(wait); full.After(due) {
			return full
		}
	}
	return due
}

// Farewell returns the datagrams that end the subscription. There are none if the sender has never answered, or if nothing
// was asked since the last farewell. If Next is called again, it subscribes again.
func (s *Subscriber) Farewell() (all [][]byte) {
	for _, a := range s.asks {
		if a.asked && a.answered() {
			for range farewells {
				all = append(all, s.subscribe(a, true))
			}
		}
		*a = ask{key: a.key, cookie: a.cookie, answers: a.answers}
	}
	return all
}

// subscribe makes a datagram.
func (s *Subscriber) subscribe(a *ask, farewell bool) []byte {
	open := Subscribe{Number: s.number, Name: s.name, Farewell: farewell, cookie: a.cookie}.append(nil)
	if a.key == nil {
		return open
	}
	s.control.counter++
	return a.key.seal(s.control, open)
}

// State says how the subscription stands. With several keys, it is the best that one of them has brought about.
func (s *Subscriber) State(now time.Time) SubscriptionState {
	best := Asking
	for _, a := range s.asks {
		state := stateOf[a.status]
		if a.flows(now) {
			return Receiving
		}
		if slices.Index(ranks, state) > slices.Index(ranks, best) {
			best = state
		}
	}
	if s.unheard > maxUnheard && now.Sub(s.alone) >= unheardFor {
		return Unanswered
	}
	return best
}
