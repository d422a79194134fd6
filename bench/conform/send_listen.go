package conform

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"
)

var listenRules = []Rule{
	{"listen", Sender, "Subscribing", "a Subscribe without a cookie gets one and nothing else; with it, it gets the streams",
		true, true, true, listenSubscribes},
	{"listen-proof", Sender, "Subscribing", "a cookie is good only from the address that got it",
		true, true, true, listenProof},
	{"listen-lease", Sender, "Subscribing", "a subscription ends 3 s after the last report or Subscribe",
		true, true, true, listenLease},
	{"listen-farewell", Sender, "Subscribing", "a farewell of the same subscription ends it at once, and is not answered",
		true, true, true, listenFarewell},
	{"listen-name", Sender, "Answer to it", "status 3 if there is no stream of that name", true, true, true, listenName},
	{"listen-malformed", Sender, "Subscribe", "malformed Subscribes are not answered", true, true, true, listenMalformed},
	{"listen-keys", Sender, "Sealed", "with a key, Subscribes that are open or have another key are not answered",
		true, false, true, listenKeys},
	{"listen-answers", Sender, "Request", "a subscriber's requests are answered, and a stranger's are not",
		true, true, true, listenAnswers},
}

// A caller is a viewer that subscribes.
type caller struct {
	*viewer
	number  uint64
	cookie  [16]byte
	counter uint64
	origin  [16]byte
}

// listens starts the program as a sender that listens, with pictures all the time.
func (t *trial) listens() (at netip.AddrPort) {
	at, err := freeAddress()
	if err != nil {
		t.broken("a free address", "%v", err)
	}
	t.start(map[string]string{"listen": at.String()})
	t.ready(at)
	stdin, done := t.program.Stdin, make(chan struct{})
	t.close = append(t.close, func() { close(done) })
	go func() {
		for i := 0; ; i++ {
			if _, err := stdin.Write(picture(i, 20_000)); err != nil {
				return
			}
			select {
			case <-done:
				return
			case <-time.After(33 * time.Millisecond):
			}
		}
	}()
	return at
}

func (t *trial) caller(to netip.AddrPort) *caller {
	at, err := freeAddress()
	if err != nil {
		t.broken("a free address", "%v", err)
	}
	c := &caller{viewer: t.newViewer(at), number: rand.Uint64(), origin: random16()}
	c.sender = to
	return c
}

// subscribe makes a Subscribe.
func (c *caller) subscribe(what byte, name string) []byte {
	b := binary.BigEndian.AppendUint64(prefix{typ: subscribe}.bytes(), c.number)
	b = append(append(b, c.cookie[:]...), what, byte(len(name)))
	return c.seal(append(b, name...))
}

func (c *caller) seal(b []byte) []byte {
	if !c.sealed() {
		return b
	}
	c.counter++
	return sealControl(c.key.subscriptions(), control{c.origin, c.counter, c.key.id(), 0}, b)
}

func isSubscribed(a arrival) bool { return a.sub != nil }

// ask sends a Subscribe until an answer comes, and returns it.
func (c *caller) ask(name string) *answered {
	before := len(c.all(isSubscribed))
	for range 20 {
		c.write(c.subscribe(0, name))
		if until(300*time.Millisecond, func() bool { return len(c.all(isSubscribed)) > before }) {
			a := c.all(isSubscribed)[before].sub
			c.cookie = a.cookie
			if a.number != c.number {
				c.t.broken("the answer has the number of the Subscribe", "%016x, want %016x", a.number, c.number)
			}
			return a
		}
	}
	c.t.broken("a Subscribe is answered", "no answer to 20")
	return nil
}

// joins subscribes, and waits for the stream.
func (c *caller) joins() {
	without := c.cookie == [16]byte{}
	a := c.ask("")
	if without && (a.status != 0 || a.cookie == [16]byte{}) {
		c.t.broken("status 0 and a cookie for a Subscribe without one", "status %d, cookie %x", a.status, a.cookie)
	}
	a = c.ask("")
	for range 20 {
		if a.status == 1 {
			break
		}
		time.Sleep(100 * time.Millisecond) // a stream may be slow to begin
		a = c.ask("")
	}
	if a.status != 1 {
		c.t.broken("status 1 for a Subscribe with the cookie", "status %d", a.status)
	}
	if !until(showWait, func() bool { return len(c.frames()) > 1 && len(c.all(isAnnouncement)) > 0 }) {
		c.t.broken("announcements and frames after status 1", "%d datagrams", len(c.all(anything)))
	}
}

func listenSubscribes(t *trial) {
	to := t.listens()
	c := t.caller(to)
	ask := c.subscribe(0, "")
	c.ask("")
	time.Sleep(500 * time.Millisecond)
	for _, a := range c.all(anything) {
		switch {
		case a.sub == nil:
			t.broken("nothing but a cookie before the receiver has sent it back", "a datagram of type %d", a.prefix.typ)
		case len(a.raw) > len(ask):
			t.broken(fmt.Sprintf("an answer of %d bytes at most", len(ask)), "%d", len(a.raw))
		}
	}
	c.joins()
	t.checkWrong(c.viewer)
}

func listenProof(t *trial) {
	to := t.listens()
	c, d := t.caller(to), t.caller(to)
	c.ask("")
	d.cookie, d.origin, d.counter = c.cookie, c.origin, c.counter+10
	if a := d.ask(""); a.status != 0 {
		t.broken("status 0 for a cookie that another address got", "status %d", a.status)
	}
	d.cookie = random16()
	if a := d.ask(""); a.status != 0 {
		t.broken("status 0 for a cookie that is invented", "status %d", a.status)
	}
	time.Sleep(300 * time.Millisecond)
	if n := len(d.all(func(a arrival) bool { return a.sub == nil })); n > 0 {
		t.broken("no stream for an address that has not sent its own cookie", "%d datagrams", n)
	}
}

// last is when the last segment came.
func (c *caller) last() time.Time {
	all := c.all(isFirst)
	return all[len(all)-1].at
}

func listenLease(t *trial) {
	to := t.listens()
	c := t.caller(to)
	c.joins()
	stop := c.goOn()
	time.Sleep(4 * time.Second)
	if time.Since(c.last()) > time.Second {
		t.broken("reports keep up a subscription", "after 4 s nothing has come for %v", time.Since(c.last()))
	}
	stop()
	ended := time.Now()
	time.Sleep(4500 * time.Millisecond)
	if time.Since(c.last()) < 500*time.Millisecond {
		t.broken("a subscription ends 3 s after the last report", "frames still come 4.5 s after it")
	}
	if lasted := c.last().Sub(ended); lasted < 2*time.Second {
		t.broken("a subscription lasts 3 s from the last report", "the last frame came %v after it", lasted)
	}
}

func listenFarewell(t *trial) {
	to := t.listens()
	c := t.caller(to)
	c.joins()
	c.goOn()
	c.number++
	c.write(c.subscribe(1, ""))
	c.number--
	time.Sleep(400 * time.Millisecond)
	if time.Since(c.last()) > 300*time.Millisecond {
		t.broken("a farewell with another number changes nothing", "nothing has come for %v", time.Since(c.last()))
	}
	answers := len(c.all(isSubscribed))
	c.write(c.subscribe(1, ""))
	c.write(c.subscribe(1, ""))
	time.Sleep(800 * time.Millisecond)
	if time.Since(c.last()) < 400*time.Millisecond {
		t.broken("nothing comes after a farewell", "frames still come")
	}
	if n := len(c.all(isSubscribed)) - answers; n > 0 {
		t.broken("a farewell is not answered", "%d answers", n)
	}
}

func listenName(t *trial) {
	to := t.listens()
	c := t.caller(to)
	c.ask("no such stream")
	if a := c.ask("no such stream"); a.status != 3 {
		t.broken("status 3 for a name that no stream has", "status %d", a.status)
	}
	c.joins()
	name := c.all(isAnnouncement)[0].ann.name
	d := t.caller(to)
	d.ask(name)
	if a := d.ask(name); a.status != 1 {
		t.broken(fmt.Sprintf("status 1 for the stream's own name, %q", name), "status %d", a.status)
	}
}

func listenMalformed(t *trial) {
	to := t.listens()
	c := t.caller(to)
	plain := binary.BigEndian.AppendUint64(prefix{typ: subscribe}.bytes(), c.number)
	plain = append(append(plain, c.cookie[:]...), 0, 4)
	plain = append(plain, "door"...)
	for _, b := range [][]byte{plain[:8], plain[:33], plain[:37], set(plain, 32, 2),
		append(set(plain, 33, 65), make([]byte, 65)...), set(plain, 1, 0), set(plain, 2, 0x26), set(plain, 2, 0x17)} {
		if len(b) >= 8 && b[1] == 0xca {
			b = c.seal(b)
		}
		c.write(b)
	}
	time.Sleep(300 * time.Millisecond)
	if all := c.all(anything); len(all) > 0 {
		t.broken("no answer to a malformed Subscribe", "%d datagrams, the first one %x", len(all), all[0].raw)
	}
	c.joins()
}

func listenKeys(t *trial) {
	to := t.listens()
	c := t.caller(to)
	key := c.key
	c.key = Key{}
	open := c.subscribe(0, "")
	c.key = key
	c.key[3] ^= 1
	other := c.subscribe(0, "")
	c.key = key
	good := c.subscribe(0, "")
	for _, b := range [][]byte{open, other, set(other, 32, good[32:34]...), set(good, len(good)-1, good[len(good)-1]^1),
		good[:51]} {
		c.write(b)
	}
	time.Sleep(300 * time.Millisecond)
	if n := len(c.all(anything)); n > 0 {
		t.broken("no answer", "%d datagrams", n)
	}
	c.joins()
}

func listenAnswers(t *trial) {
	to := t.listens()
	c := t.caller(to)
	c.joins()
	c.goOn()
	time.Sleep(500 * time.Millisecond)
	d := t.caller(to)
	frames := c.frames()
	f := frames[len(frames)-2][0].seg
	d.mu.Lock()
	d.salt, d.seg, d.heard, d.heardAt, d.arrivals = c.salt, c.seg, c.heard, c.heardAt, c.arrivals[:1:1]
	d.mu.Unlock()
	d.write(d.report())
	d.asks(f, 0, 1, 1)
	c.asks(f, 0, 1, 1)
	if !until(showWait, func() bool { return len(c.all(isAnswer)) > 0 }) {
		t.broken("a subscriber's request is answered", "no answer in %v", showWait)
	}
	time.Sleep(200 * time.Millisecond)
	if n := len(d.all(anything)) - 1; n > 0 {
		t.broken("who has not subscribed gets nothing", "%d datagrams", n)
	}
}
