package conform

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"
)

var recvFromRules = []Rule{
	{"subscribe", Receiver, "Subscribing", "it asks, asks again at once with the cookie, and shows the stream",
		true, true, true, fromSubscribe},
	{"subscribe-rhythm", Receiver, "Subscribing", "without an answer it asks after 100, 200, 400 ms and then every 500 ms",
		true, true, true, fromRhythm},
	{"subscribe-flood", Receiver, "Subscribing", "it never sends more than 8 Subscribes at once and 2.2 a second",
		true, true, true, fromFlood},
	{"subscribe-quiet", Receiver, "Subscribing", "while the stream comes it asks every 2 s at most",
		true, true, true, fromQuiet},
	{"subscribe-again", Receiver, "Subscribing", "when nothing has come for 500 ms, it asks again with its last cookie",
		true, true, true, fromAgain},
	{"subscribe-full", Receiver, "Subscribing", "if the sender is full, it asks every 2 s", true, true, true, fromFull},
	{"subscribe-forged", Receiver, "Answer to it", "answers with another number, and malformed ones, are ignored",
		true, true, true, fromForged},
	{"farewell", Receiver, "Subscribing", "when it ends, it says farewell twice, with the cookie",
		true, true, true, fromFarewell},
}

// An asked is a Subscribe that came.
type asked struct {
	at      time.Time
	from    netip.AddrPort
	prefix  prefix
	control control
	number  uint64
	cookie  [16]byte
	what    byte
	name    string
	bytes   int
}

// asked takes in a Subscribe, and answers it. c.mu is held.
func (c *camera) asked(b []byte, from netip.AddrPort) (err error) {
	a := asked{at: time.Now(), from: from, bytes: len(b)}
	if a.prefix, err = parsePrefix(b); err != nil {
		return err
	}
	if a.prefix.sealed {
		if a.control, b, err = openControl(func(control) cipher.AEAD { return c.key.subscriptions() }, b); err != nil {
			return err
		}
	}
	if len(b) < 34 || len(b) < 34+int(b[33]) || b[33] > 64 {
		return errors.New("a Subscribe is cut short")
	}
	a.number, a.cookie, a.what, a.name = binary.BigEndian.Uint64(b[8:]), [16]byte(b[16:32]), b[32], string(b[34:34+int(b[33])])
	c.asks = append(c.asks, a)
	c.to = from
	if c.door == nil {
		return nil
	}
	if status, cookie := c.door(a); status >= 0 && a.what == 0 {
		c.conn.WriteToUDPAddrPort(c.answer(a.number, cookie, status), from)
	}
	return nil
}

// answer makes the answer to a Subscribe. c.mu is held.
func (c *camera) answer(number uint64, cookie [16]byte, status int) []byte {
	b := binary.BigEndian.AppendUint64(prefix{typ: subscribed}.bytes(), number)
	b = append(append(b, cookie[:]...), byte(status), 0)
	if c.sealed() {
		c.answers.counter++
		b = sealControl(c.key.subscriptions(), c.answers, b)
	}
	return b
}

func (c *camera) allAsks() []asked {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asks)
}

// port starts the program as a receiver that goes to a sender, and makes that sender.
func (t *trial) port(door func(asked) (int, [16]byte)) *camera {
	addr, err := freeAddress()
	if err != nil {
		t.broken("a free address", "%v", err)
	}
	c := t.cameraAt(addr, netip.AddrPort{})
	c.door = door
	t.start(map[string]string{"from": addr.String()})
	if !until(startWait, func() bool { return len(c.allAsks()) > 0 }) {
		t.broken("a receiver asks at {from}", "no Subscribe after %v", startWait)
	}
	return c
}

var goodCookie = [16]byte(bytes.Repeat([]byte{0x77}, 16))

// honest answers as a sender does.
func honest(a asked) (int, [16]byte) {
	if a.cookie == goodCookie {
		return 1, goodCookie
	}
	return 0, goodCookie
}

func fromSubscribe(t *trial) {
	c := t.port(honest)
	if !until(showWait, func() bool {
		return slices.ContainsFunc(c.allAsks(), func(a asked) bool { return a.cookie == goodCookie })
	}) {
		t.broken("it asks again with the cookie", "no Subscribe with it after %v", showWait)
	}
	all := c.allAsks()
	first := all[0]
	switch {
	case first.cookie != [16]byte{}:
		t.broken("the first Subscribe has no cookie", "%x", first.cookie)
	case first.prefix.session != 0 || first.prefix.stream != 0 || first.prefix.block != 0 || first.prefix.countdown != 0:
		t.broken("session, stream, block and countdown of a Subscribe are 0", "%+v", first.prefix)
	case first.what != 0:
		t.broken("What is 0", "%d", first.what)
	case first.prefix.sealed != c.sealed():
		t.broken(fmt.Sprintf("sealed: %v", c.sealed()), "sealed: %v", first.prefix.sealed)
	}
	for i, a := range all {
		if a.number != first.number || a.number == 0 {
			t.broken("the number is drawn at random for each subscription", "%016x, then %016x", first.number, a.number)
		}
		if c.sealed() && i > 0 && (a.control.counter <= all[i-1].control.counter || a.control.origin != first.control.origin) {
			t.broken("a subscription has one ID, and the counter grows", "ID %x counter %d, then ID %x counter %d",
				all[i-1].control.origin, all[i-1].control.counter, a.control.origin, a.control.counter)
		}
	}
	c.goOn()
	t.opening(c)
	c.checkStrange()
}

func fromRhythm(t *trial) {
	c := t.port(nil)
	time.Sleep(3 * time.Second)
	all := c.allAsks()
	if n := len(all); n < 5 || n > 11 {
		t.broken("about 8 Subscribes in 3 s: at once, after 100, 200 and 400 ms, then every 500 ms", "%d", n)
	}
	if first := all[3].at.Sub(all[0].at); first < 500*time.Millisecond {
		t.broken("100, 200 and 400 ms between the first four Subscribes", "all four within %v", first.Round(time.Millisecond))
	}
}

func fromFlood(t *trial) {
	n := byte(0)
	c := t.port(func(asked) (int, [16]byte) {
		n++
		return 0, [16]byte{1, n}
	})
	for range 200 { // answers that nobody asked for
		time.Sleep(20 * time.Millisecond)
		c.mu.Lock()
		last := c.asks[len(c.asks)-1]
		n++
		c.conn.WriteToUDPAddrPort(c.answer(last.number, [16]byte{1, n}, 0), c.to)
		c.mu.Unlock()
	}
	if all := c.allAsks(); len(all) > 8+9+2 {
		t.broken("8 Subscribes and 2.2 a second at most: 17 in 4 s", "%d", len(all))
	}
}

// flowing is like port, and waits until the receiver shows the stream.
func (t *trial) flowing() (c *camera, stop func()) {
	c = t.port(honest)
	until(showWait, func() bool { return len(c.allAsks()) > 1 })
	stop = c.goOn()
	t.opening(c)
	return c, stop
}

func fromQuiet(t *trial) {
	c, _ := t.flowing()
	time.Sleep(300 * time.Millisecond)
	before := len(c.allAsks())
	time.Sleep(2500 * time.Millisecond)
	if n := len(c.allAsks()) - before; n > 2 {
		t.broken("a Subscribe every 2 s at most while the stream comes", "%d in 2.5 s", n)
	}
}

func fromAgain(t *trial) {
	c, stop := t.flowing()
	stop()
	time.Sleep(50 * time.Millisecond)
	before := len(c.allAsks())
	if !until(showWait, func() bool { return len(c.allAsks()) > before }) {
		t.broken("it asks again when nothing has come for 500 ms", "nothing in %v", showWait)
	}
	if a := c.allAsks()[before]; a.cookie != goodCookie {
		t.broken("it asks with its last cookie", "%x", a.cookie)
	}
	c.renew() // the sender has been restarted
	c.goOn()
	t.opening(c)
}

func fromFull(t *trial) {
	c := t.port(func(asked) (int, [16]byte) { return 2, goodCookie })
	time.Sleep(1500 * time.Millisecond)
	before := len(c.allAsks())
	time.Sleep(3 * time.Second)
	if n := len(c.allAsks()) - before; n > 3 || n < 1 {
		t.broken("a Subscribe every 2 s if the sender is full", "%d in 3 s", n)
	}
}

func fromForged(t *trial) {
	c := t.port(nil)
	forged := [16]byte{0xbb}
	for range 5 {
		c.mu.Lock()
		number := c.asks[0].number
		for _, b := range [][]byte{c.answer(number+1, forged, 0), c.answer(number, forged, 4), c.answer(number, forged, 0)[:33]} {
			c.conn.WriteToUDPAddrPort(b, c.to)
		}
		if c.sealed() {
			b := c.answer(number, forged, 0)
			c.conn.WriteToUDPAddrPort(set(b, len(b)-1, b[len(b)-1]^1), c.to)
			open := binary.BigEndian.AppendUint64(prefix{typ: subscribed}.bytes(), number)
			c.conn.WriteToUDPAddrPort(append(append(open, forged[:]...), 0, 0), c.to)
		}
		c.mu.Unlock()
		time.Sleep(300 * time.Millisecond)
	}
	for _, a := range c.allAsks() {
		if a.cookie == forged {
			t.broken("the cookie of an answer that does not count is not used", "a Subscribe with it")
		}
	}
}

func fromFarewell(t *trial) {
	c, _ := t.flowing()
	t.program.Signal(os.Interrupt)
	farewells := func() (all []asked) {
		for _, a := range c.allAsks() {
			if a.what == 1 {
				all = append(all, a)
			}
		}
		return all
	}
	if !until(showWait, func() bool { return len(farewells()) >= 2 }) {
		t.broken("two farewells when it ends (by SIGINT)", "%d", len(farewells()))
	}
	for _, a := range farewells() {
		if a.cookie != goodCookie || a.number != c.allAsks()[0].number {
			t.broken("a farewell has the cookie and the number of the subscription", "cookie %x, number %016x", a.cookie, a.number)
		}
	}
}
