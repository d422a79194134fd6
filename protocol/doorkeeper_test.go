package protocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
)

// invented returns the i-th of many addresses.
func invented(i int) netip.AddrPort {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], 0x0b000000+uint32(i))
	return netip.AddrPortFrom(netip.AddrFrom4(ip), 5000)
}

// askOf returns the first Subscribe of a receiver, and the cookie that it gets. It takes no notice of the answer.
func askOf(t testing.TB, d *Doorkeeper, from netip.AddrPort, now time.Time, keys ...Key) (*Subscriber, Subscribe) {
	s := NewSubscriber(port, "", keys, now)
	b, ok := s.Next(now)
	if !ok {
		t.Fatal("a new subscriber asks nothing")
	}
	if len(keys) == 0 {
		keys = []Key{{}}
	}
	read, err := d.Read(b, from, keys, now)
	if err != nil || read.Proven {
		t.Fatalf("%+v, %v", read, err)
	}
	if err := s.Read(d.Answer(read, StatusFull, from, now), now); err != nil || s.State(now) != Asking {
		t.Fatalf("without a cookie it is %v, %v", s.State(now), err)
	}
	return s, read
}

// TestCookies takes a cookie to other addresses, times, receivers and senders.
func TestCookies(t *testing.T) {
	for name, keys := range map[string][]Key{"open": {{}}, "sealed": {secret}} {
		t.Run(name, func(t *testing.T) {
			d := NewDoorkeeper()
			s, _ := askOf(t, d, alice, epoch, keys...)
			other, _ := askOf(t, d, alice, epoch, keys...)
			other.asks[0].cookie = s.asks[0].cookie
			if keys[0] == (Key{}) {
				other = nil // open receivers have no ID
			}
			for _, c := range []struct {
				what       string
				door       *Doorkeeper
				subscriber *Subscriber
				from       netip.AddrPort
				after      time.Duration
				farewell   bool
				proven     bool
			}{
				{"at once", d, s, alice, 0, false, true},
				{"in its life", d, s, alice, 10 * time.Second, false, true},
				{"too late", d, s, alice, 20 * time.Second, false, false},
				{"much too late", d, s, alice, 24 * time.Hour, false, false},
				{"before its time", d, s, alice, -time.Second - epoch.Sub(epoch.Truncate(10*time.Second)), false, false},
				{"a late farewell", d, s, alice, time.Hour, true, true},
				{"another address", d, s, bob, 0, false, false},
				{"another port", d, s, netip.AddrPortFrom(alice.Addr(), 1), 0, false, false},
				{"the same, written as IPv6", d, s, netip.AddrPortFrom(netip.AddrFrom16(alice.Addr().As16()), alice.Port()), 0, false, true},
				{"a farewell from elsewhere", d, s, bob, 0, true, false},
				{"another sender", NewDoorkeeper(), s, alice, 0, false, false},
				{"another receiver", d, other, alice, 0, false, false},
			} {
				if c.subscriber == nil {
					continue
				}
				b := c.subscriber.subscribe(c.subscriber.asks[0], c.farewell)
				if read, err := c.door.Read(b, c.from, keys, epoch.Add(c.after)); err != nil || read.Proven != c.proven || read.Farewell != c.farewell {
					t.Errorf("%s: %+v, %v", c.what, read, err)
				}
			}
		})
	}
}

// TestDoorkeeperRefuses gives a doorkeeper datagrams that it must not answer.
func TestDoorkeeperRefuses(t *testing.T) {
	d := NewDoorkeeper()
	subscribe := func(keys ...Key) []byte { b, _ := NewSubscriber(port, "", keys, epoch).Next(epoch); return b }
	changed := subscribe(secret)
	changed[len(changed)-1]++
	what := subscribe()
	what[32] = 2
	long := subscribe()
	long[33] = 1
	for name, c := range map[string]struct {
		b    []byte
		keys []Key
		want error
	}{
		"nothing":                           {nil, []Key{{}}, ErrForeign},
		"an announcement":                   {newCamera(1, "").announce(), []Key{{}}, ErrUnknownType},
		"an answer":                         {subscribeAnswer{}.append(nil), []Key{{}}, ErrUnknownType},
		"unknown wish":                      {what, []Key{{}}, ErrMalformed},
		"no name of that length":            {long, []Key{{}}, ErrMalformed},
		"cut":                               {subscribe()[:33], []Key{{}}, ErrMalformed},
		"cut, sealed":                       {subscribe(secret)[:40], []Key{secret}, ErrMalformed},
		"open, and all streams are sealed":  {subscribe(), []Key{secret}, ErrUnsealed},
		"sealed, and all streams are open":  {subscribe(secret), []Key{{}}, ErrWrongKey},
		"another key":                       {subscribe(second), []Key{secret}, ErrWrongKey},
		"changed on the way":                {changed, []Key{secret}, ErrWrongKey},
		"a port without streams":            {subscribe(), nil, ErrUnsealed},
		"a port without streams, but a key": {subscribe(secret), nil, ErrWrongKey},
	} {
		if s, err := d.Read(c.b, alice, c.keys, epoch); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v; want %v", name, s, err, c.want)
		}
	}
	for _, keys := range [][]Key{{secret, {}}, {{}, second, secret}} { // and now all of these
		for _, b := range [][]byte{subscribe(), subscribe(secret)} {
			if _, err := d.Read(b, alice, keys, epoch); err != nil {
				t.Error(err)
			}
		}
	}
	s, err := d.Read(subscribe(secret), alice, []Key{secret}, epoch)
	if _, err2 := d.Read(subscribe(second), alice, []Key{second}, epoch); err != nil || err2 != nil {
		t.Error(err, err2)
	}
	if b := d.Answer(s, StatusSubscribed, alice, epoch); b != nil {
		t.Errorf("an answer with a key that the port has lost: %x", b)
	}
}

// TestSameKeyID has two keys with the same ID on one port. Each opens its own datagrams.
func TestSameKeyID(t *testing.T) {
	twins := sameID()
	for _, key := range twins {
		v := newVisit(t, 1, newDoor(twins...), key)
		v.until("the stream comes", time.Second, v.shows())
		both := newVisit(t, 1, newDoor(key), twins...)
		both.key = key
		both.until("the stream comes", 2*time.Second, both.shows())
	}
}

// sameID makes two keys with the same ID.
func sameID() []Key {
	seen := map[KeyID]Key{}
	for i := uint64(1); ; i++ {
		var k Key
		binary.BigEndian.PutUint64(k[:], i)
		if other, ok := seen[k.ID()]; ok {
			return []Key{other, k}
		}
		seen[k.ID()] = k
	}
}

// TestReplays sends recorded Subscribes again. From another address they get nothing but a cookie that is of no use there. From
// the same address they keep nothing up while the receiver is there, and not for long after that.
func TestReplays(t *testing.T) {
	v := newVisit(t, 1, newDoor(secret), secret)
	var tape [][]byte
	v.pass(100 * time.Millisecond)
	for range 3 {
		tape = append(tape, v.subscriber.subscribe(v.subscriber.asks[0], false)) // with a good cookie
	}
	newest := v.subscriber.subscribe(v.subscriber.asks[0], false)
	if answer := v.door.hear(newest, alice, v.now); answer == nil {
		t.Fatal("it is not answered")
	}
	for _, b := range append(tape, newest) {
		if answer := v.door.hear(b, alice, v.now); answer != nil {
			t.Errorf("a recording is answered: %x", answer)
		}
		if v.door.hear(b, bob, v.now); v.door.subscribers[bob] != nil {
			t.Error("a recording subscribes another address")
		}
	}

	// The receiver has gone without a farewell. Recordings come all the time.
	delete(v.door.subscribers, alice)
	gone := v.now
	last := gone
	for ; v.now.Before(gone.Add(time.Minute)); v.now = v.now.Add(10 * time.Millisecond) {
		for _, b := range append(tape, newest) {
			v.door.hear(b, alice, v.now)
		}
		if g := v.door.subscribers[alice]; g != nil && v.now.After(g.until) {
			delete(v.door.subscribers, alice)
		} else if g != nil {
			last = v.now
		}
	}
	if kept := last.Sub(gone); kept > 2*cookieSlot+Lease {
		t.Errorf("recordings keep a subscription up for %v", kept)
	}
}

// TestForgedAnswers gives a subscriber answers that its sender has not made. Somebody who has not seen its Subscribes gets
// nowhere. Somebody who has seen them cannot make it send more than some two datagrams a second for long.
func TestForgedAnswers(t *testing.T) {
	v := newVisit(t, 1, newDoor())
	before := v.subscriber.asks[0]
	for i := range uint64(1000) {
		b := subscribeAnswer{i, cookie{1}, SubscribeStatus(i % 4)}.append(nil)
		if err := v.subscriber.Read(b, v.now); err != ErrOtherSession {
			t.Fatal(err)
		}
	}
	if v.subscriber.asks[0] != before || v.subscriber.State(v.now) != Asking || !v.subscriber.Heard().IsZero() {
		t.Error("it has believed one of them")
	}

	n := 0
	for range 60 * 1000 { // a minute
		b := subscribeAnswer{v.subscriber.number, cookie{byte(n)}, SubscribeStatus(v.now.UnixMilli() % 4)}.append(nil)
		if err := v.subscriber.Read(b, v.now); err != nil {
			t.Fatal(err)
		}
		n += v.pass(time.Millisecond)
	}
	if n > maxAsking+60*askingRate+1 {
		t.Errorf("it sends %d datagrams in a minute", n)
	}
	v.until("the stream comes when the forger has gone", 2*time.Second, v.shows())

	sealed := newVisit(t, 1, newDoor(secret), secret)
	sealed.pass(time.Second)
	for b, want := range map[string]error{
		string(subscribeAnswer{sealed.subscriber.number, cookie{}, StatusFull}.append(nil)): ErrUnsealed,
		string(subscribeAnswer{}.append(nil)[:20]):                                          ErrUnsealed,
	} {
		if err := sealed.subscriber.Read([]byte(b), sealed.now); err != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
	s, err := sealed.door.keeper.Read(sealed.subscriber.subscribe(sealed.subscriber.asks[0], false), alice, sealed.door.keys, sealed.now)
	if err != nil {
		t.Fatal(err)
	}
	answer := sealed.door.keeper.Answer(s, StatusFull, alice, sealed.now)
	for _, want := range []error{nil, ErrReplayed, ErrReplayed} {
		if err := sealed.subscriber.Read(bytes.Clone(answer), sealed.now); err != want {
			t.Errorf("a recorded answer: %v, want %v", err, want)
		}
	}
}

// TestFloodOfSubscribes sends a port 10,000 Subscribes a second from invented addresses. It remembers none, no address gets more
// than it has sent, and the subscriber that is there notices nothing.
func TestFloodOfSubscribes(t *testing.T) {
	for name, keys := range map[string][]Key{"open": nil, "sealed, by somebody with the key": {secret}} {
		t.Run(name, func(t *testing.T) {
			v := newVisit(t, 1, newDoor(keys...), keys...)
			v.pass(time.Second)
			before, asked := v.pictures, len(v.asked)
			for i := range 20_000 {
				b, _ := NewSubscriber(port, "", keys, v.now).Next(v.now)
				if i%2 == 0 && keys == nil {
					copy(b[16:], "this is no cookie")
				}
				v.door.hear(b, invented(i), v.now)
				if i%10 == 0 {
					v.pass(time.Millisecond)
				}
			}
			if len(v.door.subscribers) != 1 || len(v.asked) > asked+1 || v.pictures-before < 59 {
				t.Errorf("%d subscribers, %d Subscribes, %d datagrams of the stream in 2 s", len(v.door.subscribers),
					len(v.asked)-asked, v.pictures-before)
			}
			for addr, out := range v.door.out {
				if in := v.door.in[addr]; out > in {
					t.Errorf("%v has sent %d bytes and got %d", addr, in, out)
				}
			}
		})
	}

	d := NewDoorkeeper()
	b, _ := NewSubscriber(port, "", nil, epoch).Next(epoch)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range 100_000 {
		s, err := d.Read(b, invented(i), []Key{{}}, epoch)
		if err != nil || d.Answer(s, StatusSubscribed, invented(i), epoch) == nil {
			t.Fatal(err)
		}
	}
	if grown := int64(heap()) - int64(before); grown > 64<<10 {
		t.Errorf("%d bytes are kept of 100,000 addresses", grown)
	}
	runtime.KeepAlive(d)
}

// BenchmarkDoorkeeper reads and answers a Subscribe.
func BenchmarkDoorkeeper(b *testing.B) {
	for name, keys := range map[string][]Key{"open": {{}}, "sealed": {secret}} {
		b.Run(name, func(b *testing.B) {
			d := NewDoorkeeper()
			s, _ := askOf(b, d, alice, epoch, keys...)
			subscribe := s.subscribe(s.asks[0], false)
			datagram := make([]byte, 0, 200)
			b.ReportAllocs()
			for b.Loop() {
				read, err := d.Read(append(datagram, subscribe...), alice, keys, epoch)
				if err != nil || !read.Proven {
					b.Fatal(read, err)
				}
				d.Answer(read, StatusSubscribed, alice, epoch)
			}
		})
	}
	b.Run("another key", func(b *testing.B) {
		d := NewDoorkeeper()
		subscribe, _ := NewSubscriber(port, "", []Key{second}, epoch).Next(epoch)
		id := secret.ID()
		binary.BigEndian.PutUint16(subscribe[prefixSize+controlNonceSize:], uint16(id)) // pretends to be the right one
		datagram := make([]byte, 0, 200)
		for b.Loop() {
			if _, err := d.Read(append(datagram, subscribe...), alice, []Key{secret}, epoch); err != ErrWrongKey {
				b.Fatal(err)
			}
		}
	})
}

// FuzzSubscription gives doorkeepers and subscribers any bytes. They agree with the simplest possible parser, which follows the
// specification word by word, and cost little.
func FuzzSubscription(f *testing.F) {
	for _, keys := range [][]Key{nil, {secret}} {
		s := NewSubscriber(port, "door", keys, epoch)
		b, _ := s.Next(epoch)
		f.Add(bytes.Clone(b), byte(0))
		f.Add(s.subscribe(s.asks[0], true), byte(9))
		d := NewDoorkeeper()
		if read, err := d.Read(b, alice, append(keys, Key{}), epoch); err == nil {
			f.Add(d.Answer(read, StatusFull, alice, epoch), byte(0))
		}
	}
	f.Add([]byte("\x00\xca\x16\x00\x00\x00\x00\x00"), byte(0))
	d := NewDoorkeeper()
	f.Fuzz(func(t *testing.T, b []byte, tail byte) {
		b = append(b, make([]byte, tail)...)
		s := NewSubscriber(port, "door", nil, epoch)
		sealed := NewSubscriber(port, "door", []Key{secret}, epoch)
		keys := []Key{{}, secret}
		bound := fuzzcost.Bound{Bytes: 4096, Time: 30 * time.Microsecond}.Plus(len(b), 4, 20*time.Nanosecond)
		fuzzcost.Check(t, bound, func() {
			read, err := d.Read(bytes.Clone(b), alice, keys, epoch)
			if err == nil && len(d.Answer(read, StatusSubscribed, alice, epoch)) > len(b) {
				t.Errorf("the answer to %d bytes is larger", len(b))
			}
			s.Read(bytes.Clone(b), epoch)
			sealed.Read(bytes.Clone(b), epoch)
		})
		read, err := d.Read(bytes.Clone(b), alice, keys, epoch)
		number, name, farewell, ok := slowSubscribe(b)
		if open := len(b) > 2 && b[2]&sealedBit == 0; open && ok != (err == nil) {
			t.Errorf("%x: %v", b, err)
		}
		if ok && (read.Number != number || read.Name != CleanName(name) || read.Farewell != farewell) {
			t.Errorf("%x is read as %+v; want %d, %q, %v", b, read, number, name, farewell)
		}
		if ok {
			if again, err := parseSubscribe(read.append(nil)); err != nil || again.Number != number || again.Name != read.Name {
				t.Errorf("%+v was written and read as %+v, %v", read, again, err)
			}
		}
		if read.Proven {
			t.Errorf("%x has a cookie", b)
		}
		if s.Read(bytes.Clone(b), epoch) == nil && slowAnswer(b) != s.number {
			t.Errorf("%x is believed", b)
		}
	})
}

// slowSubscribe reads an open Subscribe.
func slowSubscribe(b []byte) (number uint64, name string, farewell, ok bool) {
	at := func(i int) int {
		if i < len(b) {
			return int(b[i])
		}
		return -1
	}
	if at(1) != 0xca || at(2) != 0x16 || at(32) != 0 && at(32) != 1 || at(33) < 0 || at(33) > 64 || len(b) < 34+at(33) {
		return 0, "", false, false
	}
	for _, digit := range b[8:16] {
		number = number*256 + uint64(digit)
	}
	return number, string(b[34 : 34+at(33)]), at(32) == 1, true
}

// slowAnswer reads the number of an open answer, 0 if it is none.
func slowAnswer(b []byte) (number uint64) {
	if len(b) < 34 || b[1] != 0xca || b[2] != 0x17 || !slices.Contains([]byte{0, 1, 2, 3}, b[32]) {
		return 0
	}
	fmt.Sscanf(fmt.Sprintf("%x", b[8:16]), "%x", &number)
	return number
}
