package conform

import (
	"bytes"
	"fmt"
	"time"
)

var sendSealedRules = []Rule{
	{"seal-nonces", Sender, "Sealed", "no two different segments have the same nonce, answers included",
		true, false, false, sendNonces},
	{"seal-announcements", Sender, "Sealed", "announcements have one salt, the key's ID, a suite, and a counter that grows",
		true, false, false, sendControls},
	{"seal-first-report", Sender, "Sealed", "the first report of a receiver is answered with an announcement",
		true, false, false, sendFirstReport},
	{"seal-replayed", Sender, "Sealed", "feedback that comes again changes nothing", true, false, false, sendReplayed},
	{"seal-proof", Sender, "Sealed", "the first datagram of a receiver is a report that echoes an announcement of the last 5 s",
		true, false, false, sendProof},
	{"seal-feedback", Sender, "Sealed", "feedback that is open, changed or has another key is ignored",
		true, false, false, sendBadFeedback},
}

func sendNonces(t *trial) {
	v := t.sender()
	jpeg := picture(2, 28*1408)
	for i := range 12 { // at one moment, with reports that change
		t.feed(picture(10+i, 3000+i))
	}
	v.wantsFrame(picture(1, 200_000))
	v.live()
	f := v.wantsFrame(jpeg)[0].seg
	for range 4 {
		v.asks(f, 0, 2, 1, 2)
		v.asks(&segment{frame: f.frame}, 0, 0)
		v.write(v.report())
		time.Sleep(50 * time.Millisecond)
	}
	t.feed(jpeg, jpeg, picture(3, 3000))
	time.Sleep(200 * time.Millisecond)
	seen := map[string][]byte{}
	n := 0
	for _, a := range v.all(func(a arrival) bool { return a.seg != nil }) {
		v.mu.Lock()
		key := fmt.Sprintf("%x %x", v.salt, nonce(a.raw))
		v.mu.Unlock()
		if other, known := seen[key]; known && !bytes.Equal(other, a.raw) {
			t.broken("the same nonce only for the same bytes", "nonce %s of %x… and of %x…", key, other[:40], a.raw[:40])
		}
		seen[key] = a.raw
		n++
	}
	if len(v.all(isAnswer)) == 0 {
		t.broken("requests are answered", "no answer among %d segments", n)
	}
	t.checkWrong(v)
}

func sendControls(t *trial) {
	c := t.watch()
	last := uint64(0)
	for i, a := range c.viewer.all(isAnnouncement) {
		switch o := a.control; {
		case o.origin != c.viewer.salt:
			t.broken("the salt of the session", "%x, then %x", o.origin, c.viewer.salt)
		case o.key != c.viewer.key.id():
			t.broken(fmt.Sprintf("key ID %04x", c.viewer.key.id()), "%04x", o.key)
		case o.suite != chacha && o.suite != aesGCM:
			t.broken("suite 1 or 2", "%d", o.suite)
		case i > 0 && o.counter <= last:
			t.broken("the counter grows with each datagram", "%d after %d", o.counter, last)
		case len(a.ann.more) < 16:
			t.broken("16 bytes behind the name", "%d", len(a.ann.more))
		}
		last = a.control.counter
	}
}

// reported is the Sent of a report that was sent.
func (v *viewer) reported(i int) uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.reports[i]
}

// echoes returns how many announcements echo a report.
func (v *viewer) echoes(sent uint64) int {
	return len(v.all(func(a arrival) bool { return a.ann != nil && a.ann.echo.held > 0 && a.ann.echo.echo == sent }))
}

func (t *trial) announced(v *viewer) {
	t.feed(picture(1, 3000))
	if !until(startWait, func() bool { return len(v.all(isAnnouncement)) > 0 }) {
		t.broken("the stream is announced", "%d datagrams, no announcement among them", len(v.all(anything)))
	}
}

func sendFirstReport(t *trial) {
	v := t.quiet()
	t.announced(v)
	time.Sleep(500 * time.Millisecond)
	began := time.Now()
	v.write(v.report())
	if !until(showWait, func() bool { return v.echoes(v.reported(0)) > 0 }) {
		t.broken("an announcement that echoes the report, at once", "none after %v", showWait)
	}
	if took := time.Since(began); took > 150*time.Millisecond {
		t.broken("an announcement that echoes the report, at once", "it came %v later", took.Round(time.Millisecond))
	}
}

func sendReplayed(t *trial) {
	v := t.quiet()
	t.announced(v)
	first := v.report()
	v.write(first)
	v.wantsFrame(picture(1, 100_000))
	f := v.wantsFrame(picture(2, 28*1408))[0].seg
	v.write(v.report())
	request := v.control(request, 0, requested{frame: f.frame, need: 1, k: f.k, missing: []int{1}}.bytes())
	v.write(request)
	if len(v.answers(1)) != 1 {
		t.broken("one answer", "%d", len(v.answers(1)))
	}
	v.write(v.report())
	until(showWait, func() bool { return v.echoes(v.reported(2)) > 0 })
	before := v.echoes(v.reported(0))
	for range 10 {
		v.write(first)
		v.write(request)
		time.Sleep(30 * time.Millisecond)
	}
	if n := len(v.all(isAnswer)); n > 1 {
		t.broken("a request that comes again is not answered", "%d answers", n)
	}
	if n := v.echoes(v.reported(0)) - before; n > 0 {
		t.broken("a report that comes again is not believed", "it is echoed")
	}
}

func sendProof(t *trial) {
	v := t.quiet()
	t.announced(v)
	v.wantsFrame(picture(1, 100_000))
	f := v.wantsFrame(picture(2, 28*1408))[0].seg
	v.asks(f, 0, 1, 1)
	time.Sleep(200 * time.Millisecond)
	if n := len(v.all(isAnswer)); n > 0 {
		t.broken("a request before the first report is not answered", "%d answers", n)
	}
	v.mu.Lock()
	heard := v.heard
	v.mu.Unlock()
	for _, echo := range []uint64{heard - 6_000_000, heard + 60_000_000, 0} {
		r := reported{echo: clockEcho{stamp(time.Now()), echo, 1000}, largest: 1436}
		v.write(v.control(report, 0, r.bytes()))
		v.asks(f, 0, 1, 1)
		time.Sleep(200 * time.Millisecond)
		if v.echoes(r.echo.sent) > 0 || len(v.all(isAnswer)) > 0 {
			t.broken("a first report that echoes no announcement of the last 5 s is not believed",
				"it is, with an Echo %d µs after the last announcement", int64(echo-heard))
		}
	}
	v.write(v.report())
	v.asks(f, 0, 1, 1)
	if len(v.answers(1)) != 1 {
		t.broken("after a good report, requests are answered", "%d answers", len(v.all(isAnswer)))
	}
}

func sendBadFeedback(t *trial) {
	v := t.sender()
	_, f := v.fed(10)
	time.Sleep(300 * time.Millisecond)
	good := v.control(request, 0, requested{frame: f.frame, need: 1, k: f.k, missing: []int{1}}.bytes())
	open := append(prefix{typ: request, session: f.session, stream: f.stream}.bytes(),
		requested{frame: f.frame, need: 1, k: f.k, missing: []int{1}}.bytes()...)
	v.write(open)
	for _, at := range []int{3, 7, 20, 30, 40, len(good) - 1} {
		v.write(set(good, at, good[at]^1))
	}
	v.write(good[:51])
	other := v.key
	other[0] ^= 1
	for counter := range uint64(5) {
		v.write(sealControl(other.feedback(v.salt[:]), control{v.own.origin, 1000 + counter, v.key.id(), 0}, open))
	}
	time.Sleep(300 * time.Millisecond)
	if n := len(v.all(isAnswer)); n > 0 {
		t.broken("feedback that is open, changed or has another key is ignored", "%d answers", n)
	}
	v.asks(f, 0, 1, 1)
	if len(v.answers(1)) != 1 {
		t.broken("a good request is answered after them", "%d answers", len(v.all(isAnswer)))
	}
}
