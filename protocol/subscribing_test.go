package protocol

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

var (
	port    = netip.MustParseAddrPort("192.168.1.7:12345")
	second  = Key{4, 5, 6}
	useless = []Key{{7}, {8}} // fit nothing
)

// A door is a port with streams, as a sender would have it: a Doorkeeper, and a list of subscribers.
type door struct {
	keeper      *Doorkeeper
	keys        []Key
	name        string // of its stream
	places      int
	quiet       bool // whether the camera sends nothing at present
	subscribers map[netip.AddrPort]*guest
	in, out     map[netip.AddrPort]int // bytes from and to each address that has not proved itself
}

type guest struct {
	last  Subscribe
	until time.Time
}

func newDoor(keys ...Key) *door {
	if len(keys) == 0 {
		keys = []Key{{}}
	}
	return &door{keeper: NewDoorkeeper(), keys: keys, name: "door", places: 64, subscribers: map[netip.AddrPort]*guest{},
		in: map[netip.AddrPort]int{}, out: map[netip.AddrPort]int{}}
}

// hear returns the answer to a datagram, nil if there is none.
func (d *door) hear(b []byte, from netip.AddrPort, now time.Time) []byte {
	size := len(b)
	s, err := d.keeper.Read(bytes.Clone(b), from, d.keys, now)
	if err != nil {
		return nil
	}
	known := d.subscribers[from]
	if !s.Proven {
		d.in[from] += size
		answer := d.keeper.Answer(s, StatusSubscribed, from, now)
		d.out[from] += len(answer)
		return answer
	}
	if known != nil && !s.Follows(known.last) {
		return nil
	}
	status := StatusSubscribed
	switch {
	case s.Farewell:
		if known != nil {
			delete(d.subscribers, from)
		}
		return nil
	case s.Name != "" && s.Name != d.name:
		status = StatusNoStream
	case known == nil && len(d.subscribers) >= d.places:
		status = StatusFull
	default:
		d.subscribers[from] = &guest{s, now.Add(Lease)}
	}
	return d.keeper.Answer(s, status, from, now)
}

// A visit is a subscriber and a door, with a network between them, in simulated time.
type visit struct {
	t          *testing.T
	now        time.Time
	random     *rand.Rand
	loss       float64
	delay      time.Duration
	jitter     time.Duration // so much later a datagram may come
	duplicates float64
	door       *door // nil while it is closed
	subscriber *Subscriber
	from       netip.AddrPort // of the subscriber
	key        Key            // of the stream, zero if it is open

	underway []parcel
	asked    []time.Time // when Subscribes left
	stream   time.Time   // when the last datagram of the stream came
	pictures int         // datagrams of the stream that came
	report   time.Time   // when the next report is due
}

type parcel struct {
	at      time.Time
	arrives func()
}

func newVisit(t *testing.T, seed uint64, d *door, keys ...Key) *visit {
	v := &visit{t: t, now: epoch, random: rand.New(rand.NewPCG(seed, 1)), delay: 10 * time.Millisecond, door: d, from: alice}
	if len(keys) > 0 {
		v.key = keys[0]
	}
	v.subscriber = NewSubscriber(port, "", keys, epoch)
	return v
}

// send puts something on the network.
func (v *visit) send(arrives func()) {
	for copies := 1; copies > 0; copies-- {
		if v.random.Float64() < v.duplicates {
			copies++
		}
		if v.random.Float64() >= v.loss {
			at := v.now.Add(v.delay + time.Duration(v.random.Float64()*float64(v.jitter)))
			v.underway = append(v.underway, parcel{at, arrives})
		}
	}
}

func (v *visit) hear() {
	v.subscriber.Hear(func(k Key) time.Time {
		if k == v.key {
			return v.stream
		}
		return time.Time{}
	})
}

func (v *visit) ask(b []byte) {
	from := v.from
	v.send(func() {
		if v.door == nil {
			return
		}
		if answer := v.door.hear(b, from, v.now); answer != nil {
			v.send(func() {
				if from == v.from {
					v.subscriber.Read(bytes.Clone(answer), v.now)
				}
			})
		}
	})
}

// step lets a millisecond pass.
func (v *visit) step() {
	v.now = v.now.Add(time.Millisecond)
	due := slices.Clone(v.underway)
	v.underway = v.underway[:0]
	for _, p := range due {
		if p.at.After(v.now) {
			v.underway = append(v.underway, p)
		} else {
			p.arrives()
		}
	}
	if !v.now.Before(v.subscriber.Deadline(v.now)) {
		v.hear()
		for b, ok := v.subscriber.Next(v.now); ok; b, ok = v.subscriber.Next(v.now) {
			v.asked = append(v.asked, v.now)
			v.ask(b)
		}
	}
	if v.door != nil && !v.door.quiet && v.now.UnixMilli()%33 == 0 {
		for to, g := range v.door.subscribers {
			if v.now.After(g.until) {
				delete(v.door.subscribers, to)
				continue
			}
			v.send(func() {
				if to == v.from {
					v.pictures, v.stream = v.pictures+1, v.now
				}
			})
		}
	}
	if v.now.Sub(v.stream) < reportInterval && !v.now.Before(v.report) {
		v.report = v.now.Add(reportInterval)
		from := v.from
		v.send(func() {
			if v.door != nil && v.door.subscribers[from] != nil {
				v.door.subscribers[from].until = v.now.Add(Lease)
			}
		})
	}
}

// pass lets time pass. It returns how many Subscribes left meanwhile.
func (v *visit) pass(d time.Duration) int {
	before := len(v.asked)
	for end := v.now.Add(d); v.now.Before(end); {
		v.step()
	}
	return len(v.asked) - before
}

// until lets time pass until something is so, and returns how long that took. It fails the test if it takes longer than most.
func (v *visit) until(what string, most time.Duration, so func() bool) time.Duration {
	v.t.Helper()
	began := v.now
	for !so() {
		if v.step(); v.now.Sub(began) > most {
			v.t.Fatalf("%s: not within %v; the state is %v, %d Subscribes left", what, most, v.subscriber.State(v.now), len(v.asked))
		}
	}
	return v.now.Sub(began)
}

func (v *visit) is(state SubscriptionState) func() bool {
	return func() bool {
		v.hear()
		return v.subscriber.State(v.now) == state
	}
}

// shows is true when new pictures come.
func (v *visit) shows() func() bool {
	before := v.pictures
	return func() bool { return v.pictures > before }
}

// TestSubscribe follows a subscription from its beginning to its end, on a path without loss. It takes two round trips. As long as
// the stream comes, nothing more is asked if it is wanted by its name. If all streams are, that is asked every two seconds.
func TestSubscribe(t *testing.T) {
	for _, c := range []struct {
		what, stream string
		keys         []Key
		asks         int
	}{{"all, open", "", nil, 30}, {"all, sealed", "", []Key{secret}, 30}, {"one, open", "door", nil, 0}, {"one, sealed", "door", []Key{secret}, 0}} {
		t.Run(c.what, func(t *testing.T) {
			v := newVisit(t, 1, newDoor(c.keys...), c.keys...)
			v.subscriber = NewSubscriber(port, c.stream, c.keys, epoch)
			if took := v.until("the stream comes", time.Second, v.shows()); took > 80*time.Millisecond {
				t.Errorf("it took %v, with a round trip of 20ms", took)
			}
			if v.pass(time.Second); len(v.asked) > 3 {
				t.Errorf("%d Subscribes in the first second", len(v.asked))
			}
			if n := v.pass(time.Minute); n != c.asks || v.subscriber.State(v.now) != Receiving {
				t.Errorf("%d Subscribes in a minute, while the stream came; then it is %v", n, v.subscriber.State(v.now))
			}
			v.door.quiet = true // the camera takes its time
			if n := v.pass(10 * time.Second); n < 18 || n > 20 || v.subscriber.State(v.now) != Subscribed || len(v.door.subscribers) != 1 {
				t.Errorf("%d Subscribes in 10 s of silence; then it is %v, and there are %d subscribers", n, v.subscriber.State(v.now),
					len(v.door.subscribers))
			}
			v.door.quiet = false
			v.until("the stream goes on", 100*time.Millisecond, v.is(Receiving))
			farewell := v.subscriber.Farewell()
			if len(farewell) != 2 {
				t.Fatalf("%d datagrams are the farewell", len(farewell))
			}
			v.door.hear(farewell[1], alice, v.now)
			if len(v.door.subscribers) != 0 {
				t.Error("the farewell did not end it")
			}
			if len(v.subscriber.Farewell()) > 0 {
				t.Error("it says farewell again")
			}
			v.until("it subscribes again", 100*time.Millisecond, v.shows())
		})
	}
}

// TestFarewellIsLate says farewell long after the last cookie has died. It counts all the same, but with another number it does
// not.
func TestFarewellIsLate(t *testing.T) {
	v := newVisit(t, 1, newDoor())
	v.pass(time.Minute)
	s, err := v.door.keeper.Read(v.subscriber.Farewell()[0], alice, v.door.keys, v.now)
	if err != nil || !s.Proven || !s.Follows(v.door.subscribers[alice].last) || v.door.keeper.Answer(s, StatusSubscribed, alice, v.now) != nil {
		t.Errorf("%+v, %v", s, err)
	}
	if s.Number++; s.Follows(v.door.subscribers[alice].last) {
		t.Error("the farewell of another subscription counts")
	}
}

// TestSubscribeOnBadPaths subscribes where a fifth of all datagrams is lost each way, others are late, and some come twice. It
// succeeds within two seconds, nearly always, and never ends.
func TestSubscribeOnBadPaths(t *testing.T) {
	for name, keys := range map[string][]Key{"open": nil, "sealed": {secret}} {
		t.Run(name, func(t *testing.T) {
			late := 0
			for seed := range uint64(100) {
				v := newVisit(t, seed, newDoor(keys...), keys...)
				v.loss, v.jitter, v.duplicates = 0.2, 60*time.Millisecond, 0.1
				if v.until("the stream comes", 6*time.Second, v.shows()) > 2*time.Second {
					late++
				}
				v.pass(30 * time.Second)
				if n := len(v.asked); v.pictures < 30*30*6/10 || n > 60 {
					t.Errorf("seed %d: %d datagrams came in 30 s, and %d Subscribes left", seed, v.pictures, n)
				}
			}
			if late > 3 {
				t.Errorf("%d of 100 took longer than 2 s", late)
			}
		})
	}
}

// TestBothEndsChange restarts the sender, gives the receiver another address, as a NAT does, and cuts the network. Each time the
// stream is back within two seconds, and there is no flood of Subscribes.
func TestBothEndsChange(t *testing.T) {
	for name, keys := range map[string][]Key{"open": nil, "sealed": {secret}} {
		t.Run(name, func(t *testing.T) {
			v := newVisit(t, 1, newDoor(keys...), keys...)
			v.pass(5 * time.Second)

			v.door = newDoor(keys...)
			took := v.until("the sender has restarted", 2*time.Second, v.shows())
			t.Logf("back %v after the restart", took)

			v.pass(5 * time.Second)
			v.from = bob
			t.Logf("back %v after the NAT forgot", v.until("another address", 2*time.Second, v.shows()))

			v.pass(5 * time.Second)
			v.loss = 1
			if n := v.pass(30 * time.Second); n > 60 || v.subscriber.State(v.now) != Unanswered {
				t.Errorf("%d Subscribes in 30 s without a network; then it is %v", n, v.subscriber.State(v.now))
			}
			v.loss = 0
			t.Logf("back %v after the network", v.until("the network is back", 2*time.Second, v.shows()))
			v.pass(5 * time.Second)

			v.door = nil
			v.until("nothing answers", 4*time.Second, v.is(Unanswered))
			if n := v.pass(time.Hour); n > 2*3600+1 {
				t.Errorf("%d Subscribes in an hour", n)
			}
			v.door = newDoor(keys...)
			v.until("the sender is back", 2*time.Second, v.shows())
		})
	}
}

// TestSubscriberIsTold checks what a subscriber says of senders that have no place or no such stream, and how often it asks
// them.
func TestSubscriberIsTold(t *testing.T) {
	v := newVisit(t, 1, newDoor())
	v.door.places = 0
	v.until("full", 100*time.Millisecond, v.is(Full))
	if n := v.pass(20 * time.Second); n < 9 || n > 11 {
		t.Errorf("full: %d Subscribes in 20 s", n)
	}
	v.door.places = 1
	v.until("a place is free", 2100*time.Millisecond, v.shows())

	v = newVisit(t, 1, newDoor())
	v.subscriber = NewSubscriber(port, "garden", nil, v.now)
	v.until("no stream", 100*time.Millisecond, v.is(NoStream))
	if n := v.pass(20 * time.Second); n < 38 || n > 42 || v.subscriber.State(v.now) != NoStream {
		t.Errorf("no stream: %d Subscribes in 20 s, then it is %v", n, v.subscriber.State(v.now))
	}
	v.door.name = "garden"
	v.until("it has come", 600*time.Millisecond, v.shows())

	v = newVisit(t, 1, nil)
	if took := v.until("nothing answers", 4*time.Second, v.is(Unanswered)); took < time.Second {
		t.Errorf("it is said that nothing answers after %v", took)
	}
}

// TestDeadlines goes from one deadline to the next, with answers that come all the time. Time always passes.
func TestDeadlines(t *testing.T) {
	for _, keys := range [][]Key{nil, {secret, second, useless[0]}} {
		s, now := NewSubscriber(port, "", keys, epoch), epoch
		for i := range 1000 {
			now = s.Deadline(now)
			for _, ok := s.Next(now); ok; _, ok = s.Next(now) {
				s.Read(subscribeAnswer{s.number, cookie{byte(i)}, SubscribeStatus(i % 3)}.append(nil), now)
			}
			if i%100 == 50 {
				s.Farewell()
			}
			if next := s.Deadline(now); i%100 != 50 && !next.After(now) {
				t.Fatalf("the deadline is %v ago", now.Sub(next))
			}
		}
		if passed := now.Sub(epoch); passed < 400*time.Second {
			t.Errorf("1000 times in %v", passed)
		}
	}
}

// TestSubscriberMoves gives the subscriber another address to ask.
func TestSubscriberMoves(t *testing.T) {
	v := newVisit(t, 1, newDoor())
	v.pass(time.Second)
	v.stream = time.Time{}
	v.subscriber.Move(bob, v.now)
	if v.subscriber.To() != bob || !v.subscriber.Heard().IsZero() || v.subscriber.State(v.now) != Asking {
		t.Errorf("it asks %v, has heard at %v, and is %v", v.subscriber.To(), v.subscriber.Heard(), v.subscriber.State(v.now))
	}
	v.until("a stream from there", time.Second, v.shows())
}

// TestSeveralKeys has a receiver with more keys than the port has streams. All streams come, and the keys that fit none cost
// little.
func TestSeveralKeys(t *testing.T) {
	d := newDoor(secret, second, Key{})
	v := newVisit(t, 1, d, useless[0], second, secret, useless[1])
	v.key = secret
	seen := map[Key]bool{}
	v.until("both streams", 2*time.Second, func() bool {
		for _, g := range d.subscribers {
			seen[g.last.Key] = true
		}
		return len(seen) == 2
	})
	if _, open := seen[Key{}]; open {
		t.Error("an open stream is asked for")
	}
	v.pass(5 * time.Second)
	if n := v.pass(time.Minute); n > 150 {
		t.Errorf("%d Subscribes in a minute", n)
	}
	nobody := newVisit(t, 1, nil, second, secret, useless[0])
	if n := nobody.pass(time.Minute); n > 130 || nobody.subscriber.State(nobody.now) != Unanswered {
		t.Errorf("%d Subscribes in a minute without an answer, then it is %v", n, nobody.subscriber.State(nobody.now))
	}
}

func TestAnswersAreNotLarger(t *testing.T) {
	for _, key := range []Key{{}, secret} {
		for _, name := range []string{"", "d", "a name of many characters, as many as a name may have, so 64 of th"} {
			d := NewDoorkeeper()
			keys := []Key{key}
			s := NewSubscriber(port, name, keys, epoch)
			b, _ := s.Next(epoch)
			size := len(b)
			for _, status := range []SubscribeStatus{StatusCookie, StatusSubscribed, StatusFull, StatusNoStream} {
				read, err := d.Read(bytes.Clone(b), alice, keys, epoch)
				if err != nil || read.Name != CleanName(name) {
					t.Fatalf("%q is read as %+v, %v", name, read, err)
				}
				for _, read.Proven = range []bool{false, true} {
					if answer := d.Answer(read, status, alice, epoch); len(answer) > size || len(answer) == 0 {
						t.Errorf("%d bytes are answered by %d: name %q, status %d", size, len(answer), name, status)
					}
				}
			}
		}
	}
	if fmt.Sprint(subscribeSize, answerSize) != "34 34" {
		t.Error("the sizes are not those of the specification")
	}
}
