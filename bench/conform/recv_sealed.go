package conform

import (
	"slices"
	"time"
)

var recvSealedRules = []Rule{
	{"seal-believes", Receiver, "Sealed", "nothing is shown until an announcement has echoed a report of this receiver",
		true, false, false, recvBelieves},
	{"seal-others", Receiver, "Sealed", "an announcement that echoes another receiver, or nothing recent, proves nothing",
		true, false, false, recvOthers},
	{"seal-reports", Receiver, "Sealed", "reports and requests have one ID, the key's ID, suite 0, and a counter that grows",
		true, false, false, recvSealedReports},
	{"seal-suites", Receiver, "Sealed", "both suites are read", true, false, false, recvSuites},
	{"seal-tampered", Receiver, "Sealed", "what was changed on the way is ignored", true, false, false, refuses(tampered)},
	{"seal-counter", Receiver, "Sealed", "an announcement that comes again is ignored", true, false, false, recvCounter},
	{"seal-old", Receiver, "Sealed", "frames more than 128 older than the newest announced one are ignored",
		true, false, false, recvSealedOld},
	{"seal-other-key", Receiver, "Sealed", "a stream with another key is neither shown nor answered",
		true, false, false, recvOtherKey},
	{"seal-open", Receiver, "Sealed", "with a key, an open stream is neither shown nor answered", true, false, false, recvOpen},
	{"sealed-without-key", Receiver, "Sealed", "without a key, a sealed stream is neither shown nor answered",
		false, true, false, recvSealedStream},
	{"seal-moves", Receiver, "udpcam/1", "the datagrams of a sealed stream may come from any address",
		true, false, false, recvMoves},
}

func recvBelieves(t *trial) {
	c := t.silent()
	c.mute = true
	c.announce()
	if len(c.waits(showWait, isReport)) == 0 {
		t.broken("it reports as soon as it hears an announcement", "no report in %v", showWait)
	}
	f := c.whole(picture(1000, 20_000), 0)
	c.announce()
	t.hides(f, 700*time.Millisecond, "nothing is shown before an announcement has echoed a report")
	c.mute = false
	c.announce()
	t.shows(f, showWait, "what came meanwhile is shown when an announcement has echoed a report")
}

func recvOthers(t *trial) {
	c := t.silent()
	c.mute = true
	c.announce()
	h := c.waits(showWait, isReport)
	if len(h) == 0 {
		t.broken("it reports as soon as it hears an announcement", "no report in %v", showWait)
	}
	other := random16()
	sent := h[0].report.echo.sent
	var frames []*frame
	for i, e := range []struct {
		echo clockEcho
		peer [16]byte
	}{{clockEcho{0, sent, 1000}, other}, {clockEcho{0, sent, 1000}, [16]byte{}}, {clockEcho{0, sent, 0}, c.peer},
		{clockEcho{0, sent - 60_000_000, 1000}, c.peer}, {clockEcho{0, sent + 3_600_000_000, 1000}, c.peer},
		{clockEcho{0, 0, 1000}, c.peer}} {
		e.echo.sent = stamp(time.Now())
		c.write(c.control(announcement, announced{name: "door", echo: e.echo, newest: c.next - 1, more: e.peer[:]}.bytes()))
		frames = append(frames, c.whole(picture(1000+i, 3000), 0))
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(300 * time.Millisecond)
	for _, f := range frames {
		t.hides(f, 0, "only an announcement with this receiver's ID, that echoes a report since it joined, is believed")
	}
}

func recvSealedReports(t *trial) {
	c := t.receiver()
	f := c.frame(picture(1000, 28*1408), 0)
	c.send(f.without(1, 2)...)
	t.asked(c, f.id, "a frame is asked for")
	time.Sleep(500 * time.Millisecond)
	all := c.said(func(heard) bool { return true })
	for i, h := range all {
		switch o := h.control; {
		case o.origin != all[0].control.origin || o.origin == [16]byte{}:
			t.broken("a receiver has one ID, drawn at random", "%x, then %x", all[0].control.origin, o.origin)
		case o.key != c.key.id():
			t.broken("the key's ID", "%04x, want %04x", o.key, c.key.id())
		case o.suite != 0:
			t.broken("suite 0", "%d", o.suite)
		case i > 0 && o.counter <= all[i-1].control.counter:
			t.broken("the counter grows with each datagram", "%d after %d", o.counter, all[i-1].control.counter)
		}
	}
	c.checkStrange()
}

func recvSuites(t *trial) {
	for _, suite := range []byte{chacha, aesGCM} {
		c := t.silent()
		c.suite = suite
		c.renew()
		c.goOn()
		t.opening(c)
		t.program.End()
	}
}

// tampered are the datagrams of a frame, changed.
func tampered(_ *camera, b []byte) [][]byte {
	last := len(b) - 1
	return [][]byte{set(b, last, b[last]^1), set(b, 40, b[40]^1), set(b, 22, b[22]^1), set(b, 17, b[17]+3), set(b, 27, 1),
		set(b, 2, b[2]|8), set(b, 11, b[11]+1), b[:len(b)-16], b[:44], set(b, 2, b[2]&0x7f), set(b, 6, b[6]^1), set(b, 3, 1)}
}

func recvCounter(t *trial) {
	c := t.receiver()
	time.Sleep(300 * time.Millisecond)
	old := c.announcement()
	recorded := stamp(time.Now())
	c.write(old)
	time.Sleep(300 * time.Millisecond)
	for range 20 {
		c.write(old)
		time.Sleep(30 * time.Millisecond)
	}
	newest := uint64(0)
	for _, h := range c.said(isReport) {
		if e := h.report.echo.echo; e < newest {
			t.broken("the counter of announcements must grow: one that comes again changes nothing",
				"after an announcement sent at %d was echoed, an older one of %d is, which was sent again (recorded at %d)", newest,
				e, recorded)
		}
		newest = max(newest, h.report.echo.echo)
	}
}

func recvSealedOld(t *trial) {
	c := t.silent()
	c.jump(999)
	c.announce()
	if len(c.waits(showWait, isReport)) == 0 {
		t.broken("it reports as soon as it hears an announcement", "no report in %v", showWait)
	}
	c.announce() // the newest frame is 999
	time.Sleep(20 * time.Millisecond)
	c.jump(^uint32(199)) // 200 back
	f := c.whole(picture(1000, 3000), 0)
	t.hides(f, 400*time.Millisecond, "a frame that is 199 older than the newest announced one is not shown")
	c.jump(199)
	c.goOn()
	t.shows(c.whole(picture(1001, 3000), 0), showWait, "the next frame is shown")
}

func (t *trial) ignores(c *camera, expected string) {
	for i := range 20 {
		c.announce()
		f := c.whole(picture(1000+i, 3000), 0)
		t.hides(f, 50*time.Millisecond, expected)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.heard) + len(c.strange); n > 0 {
		t.broken(expected, "%d datagrams come back", n)
	}
}

func recvOtherKey(t *trial) {
	c := t.silent()
	c.key[5] ^= 1
	c.renew()
	t.ignores(c, "a stream with another key is neither shown nor answered")
}

func recvOpen(t *trial) {
	c := t.silent()
	c.key = Key{}
	t.ignores(c, "with a key, an open stream is neither shown nor answered")
}

func recvSealedStream(t *trial) {
	c := t.silent()
	c.key = Key{1, 2, 3}
	c.renew()
	t.ignores(c, "without a key, a sealed stream is neither shown nor answered")
}

func recvMoves(t *trial) {
	c := t.receiver()
	moved := must(listen(must(freeAddress())))
	t.close = append(t.close, func() { moved.Close() })
	c.mu.Lock()
	c.conn = moved
	c.mu.Unlock()
	go c.listen(moved)
	f := c.whole(picture(1000, 28*1408), 0)
	t.shows(f, showWait, "a sealed stream goes on from another address")
	g := c.frame(picture(1001, 28*1408), 0)
	c.send(g.without(1, 2)...)
	all := t.asked(c, g.id, "requests go to the address that the stream's last datagram came from")
	c.send(parityAnswers(g, 0, 0, 2)...)
	t.shows(g, showWait, "the answer makes the frame whole")
	if !slices.ContainsFunc(all, func(h heard) bool { return h.prefix.sealed }) {
		t.broken("requests are sealed", "they are open")
	}
}
