package protocol

import (
	"bytes"
	"encoding/hex"
	"slices"
	"time"
)

// A change spoils a datagram.
type change struct {
	name, rule, why string
	do              func(b []byte) []byte
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		if at < 0 {
			at += len(b)
		}
		b[at] ^= 1
		return b
	}
}

// refusedSealed are about sealed datagrams that come to a receiver with a key.
func refusedSealed() (all []script) {
	for _, ch := range []change{
		{"segment of another key", "the tag is checked", "wrong-key", flip(-1)},
		{"encrypted byte changed", "the tag is checked", "wrong-key", flip(40)},
		{"capture time changed", "the header is associated data", "wrong-key", flip(22)},
		{"moved to another place", "the header is part of the nonce", "wrong-key", func(b []byte) []byte { b[0] = 1; return b[:len(b)-68] }},
		{"made an answer", "the header is part of the nonce", "wrong-key", func(b []byte) []byte { b[2] |= 8; return b }},
		{"another p", "p is part of the nonce", "wrong-key", flip(17)},
		{"another frame", "the header is part of the nonce", "wrong-key", flip(11)},
		{"another stream number", "a stream is known by session and stream number", "unannounced", flip(3)},
		{"another session", "a segment of a stream that was not announced is ignored", "unannounced", flip(6)},
		{"CRC of a sealed segment", "the CRC of a sealed segment is 0", "malformed", flip(27)},
		{"tag cut off", "16 bytes of tag follow the payload", "malformed", func(b []byte) []byte { return b[:len(b)-16] }},
		{"nothing but a tag", "16 bytes of tag follow the payload", "malformed", func(b []byte) []byte { return b[:28+16] }},
		{"S bit cleared", "a receiver with keys ignores open datagrams", "unsealed", func(b []byte) []byte { b[2] &^= sealedBit; return b }},
	} {
		all = append(all, between("Sealed", ch.name, ch.rule, ch.why, true, func(c *scene) [][]byte {
			b := c.frame(sceneLength, 1)[0]
			c.comes(ch.do(b)).refused(ch.why)
			c.comes(c.splitter.Skip(2, 2)[0][0]) // the honest frame that follows has another ID
			return nil
		}))
	}
	for _, ch := range []change{
		{"announcement changed", "the tag is checked", "wrong-key", flip(50)},
		{"announcement of another key", "the key ID is checked", "wrong-key", flip(32)},
		{"another suite", "the header is associated data", "wrong-key", flip(34)},
		{"counter changed", "the counter is part of the nonce", "wrong-key", flip(24)},
		{"announcement cut short", "36 bytes of header and 16 of tag", "malformed", func(b []byte) []byte { return b[:51] }},
		{"open announcement", "a receiver with keys ignores open datagrams", "unsealed", func(b []byte) []byte { b[2] &^= sealedBit; return b }},
	} {
		all = append(all, between("Sealed", ch.name, ch.rule, ch.why, true, func(c *scene) [][]byte {
			return [][]byte{ch.do(c.announce("door"))}
		}))
	}
	replay := func(name, rule, why string, again func(c *scene) []byte) {
		all = append(all, between("Sealed", name, rule, why, true, func(c *scene) [][]byte { return [][]byte{again(c)} }))
	}
	replay("announcement again", "the counter must grow", "replayed", func(c *scene) []byte {
		b := c.announce("door")
		c.comes(slices.Clone(b))
		return b
	})
	replay("earlier announcement", "the counter must grow", "replayed", func(c *scene) []byte {
		b := c.announce("door")
		c.comes(c.announce("door"))
		return b
	})
	replay("skip again", "the counter must grow, also that of a Skip", "replayed", func(c *scene) []byte {
		b := c.splitter.Skip(2, 2)[0][0]
		c.next++
		c.comes(slices.Clone(b))
		return b
	})
	replay("another salt while the stream is live", "a live session is not replaced", "replayed", func(c *scene) []byte {
		o, _ := NewSplitter(sceneSession, 0, MinSegmentSize)
		o.seal(sceneKey, otherSalt, suiteChaCha)
		return o.Announce(Announcement{Name: "door"}, &c.clock, c.now)[0][0]
	})
	replay("unknown suite", "a stream whose suite is not known is ignored", "unknown-type", func(c *scene) []byte {
		open := Announcement{Name: "door"}.append(nil, 0x123456, 0, clockEcho{Sent: timestamp(c.now)}, make([]byte, saltSize))
		return sealControl(nil, sceneKey.announcements(),
			controlHeader{origin: otherSalt, counter: 1, key: sceneKey.ID(), suite: 3}, open)
	})
	return append(all, refusedRecordings()...)
}

// refusedRecordings are sessions that a receiver must not believe.
func refusedRecordings() (all []script) {
	c := newScene("Sealed", "segment before the announcement", "a sealed segment of a stream that was not announced is ignored",
		true)
	f := Frame{ID: 1, Captured: epoch, JPEG: vectorFrame(100)}
	d := split(c.splitter, f)[0]
	c.comes(d).refused("unannounced")
	c.comes(c.announce("door")).comes(d)
	c.clock.peer = sceneReceiver
	c.clock.hear(clockEcho{Sent: timestamp(epoch.Add(time.Millisecond))}, c.now)
	all = append(all, c.after(time.Millisecond).comes(c.announce("door")).shown(1, 100).script)

	unbelieved := func(name, rule string, peer [saltSize]byte, echo time.Time, hold time.Duration) {
		c := newScene("Sealed", name, rule, true)
		c.comes(c.announce("door"))
		c.next = 2
		c.comes(c.frame(100, 0)[0])
		c.clock.peer = peer
		if hold > 0 {
			c.clock.hear(clockEcho{Sent: timestamp(echo)}, c.now.Add(-hold))
		}
		c.comes(c.announce("door")).comes(c.frame(100, 0)[0]).passes(3 * time.Second)
		all = append(all, c.script)
	}
	late := time.Millisecond
	unbelieved("announcement that echoes another receiver",
		"a stream is shown only if an announcement has echoed a report of this receiver", otherSalt, epoch, late)
	unbelieved("announcement that echoes a report from before",
		"the echo must be of a moment after the receiver joined the stream", sceneReceiver, epoch.Add(-time.Minute), late)
	unbelieved("announcement that echoes the future", "the echo must be of a moment that has passed", sceneReceiver,
		epoch.Add(time.Hour), late)
	unbelieved("announcement without an echo", "Held is 0 if nothing is echoed", sceneReceiver, time.Time{}, 0)

	c = newScene("Sealed", "frame from earlier in the session",
		"segments of frames more than 128 older than the newest announced one are ignored", true).open()
	old, edge := c.frame(100, 0)[0], c.frame(100, 0)[0]
	c.next = 132
	c.comes(c.announce("door")) // announces frame 131
	c.comes(old).refused("replayed").comes(edge).passes(200*time.Millisecond).shown(3, 100).dropped("lost")
	return append(all, c.good(sceneLength).dropped("lost").script)
}

// refusedFeedback are about what comes to a sender. The last datagram is good.
func refusedFeedback() (all []script) {
	announced := epoch.Add(-time.Second)
	report := func(change func(b []byte) []byte) []byte {
		r := Report{Largest: 476, Age: time.Second, Trains: []Train{{FrameID: 1, First: epoch, Came: 3}}}
		return change(r.append(nil, sceneSession, 0, clockEcho{Sent: timestamp(epoch), Echo: timestamp(announced), Held: 100}))
	}
	request := func(change func(b []byte) []byte) []byte {
		return change(Request{FrameID: 1, Need: 1, Data: 10, Missing: []byte{0x80, 0}}.append(nil, sceneSession, 0))
	}
	same := func(b []byte) []byte { return b }
	set := func(at int, v byte) func([]byte) []byte { return func(b []byte) []byte { b[at] = v; return b } }
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:n] } }
	counter := uint64(0)
	seal := func(b []byte) []byte {
		counter++
		return sealControl(nil, sceneKey.feedback(sceneSalt),
			controlHeader{origin: sceneReceiver, counter: counter, key: sceneKey.ID()}, b)
	}
	hear := func(section, name, rule string, sealed bool, steps ...[]byte) *script {
		s := script{Name: name, Section: section, Rule: rule, Reader: "sender",
			Sender: &scriptedEnd{Session: sceneSession, Announced: []int64{announced.UnixMicro()}}}
		if sealed {
			s.Key, s.Sender.Salt = sceneKey.Text(), hex.EncodeToString(sceneSalt[:])
		}
		for i, b := range steps {
			text := hex.EncodeToString(b)
			s.Steps = append(s.Steps, scriptStep{At: epoch.UnixMicro() + int64(i), From: alice.String(), Datagram: &text})
		}
		all = append(all, s)
		return &all[len(all)-1]
	}
	one := func(section, name, rule, why string, b []byte) {
		hear(section, name, rule, false, b, report(same)).Steps[0].Refused = why
	}
	one("Report", "report cut short", "32 bytes come before the trains", "malformed", report(cut(31)))
	one("Report", "trains cut short", "as many trains follow as their number says", "malformed", report(cut(59)))
	one("Report", "nine trains", "a report has 8 trains at most", "malformed",
		append(report(set(28, 9)), make([]byte, 8*28)...))
	one("Report", "report of another session", "feedback is about one session", "other-session", report(set(6, 0)))
	one("Report", "report of another stream", "feedback is about one stream", "other-session", report(set(3, 1)))
	one("Report", "echo of nothing", "an open sender believes only reports that echo its announcement", "unproven",
		report(set(23, 0)))
	one("Report", "echo that is a microsecond off", "the echo is exact", "unproven", report(flip(19)))
	one("Report", "sealed report to an open sender", "an open sender has no key", "wrong-key", report(set(2, 0x94)))
	one("Request", "request cut short", "16 bytes come before the bits", "malformed", request(cut(15)))
	one("Request", "bits cut short", "⌈k / 8⌉ bytes of bits follow", "malformed", request(cut(17)))
	one("Request", "more needed than k", "at most k segments are needed", "malformed", request(set(12, 11)))
	one("Request", "nothing needed", "k is 0 if all of the frame is wanted, and only then", "malformed", request(set(12, 0)))
	one("Request", "need without k", "k is 0 if all of the frame is wanted, and only then", "malformed", request(set(13, 0)))
	for _, typ := range []byte{1, 2, 3, 8, 9, 10, 11} {
		one("udpcam/1", "type "+string("0123456789ab"[typ])+" to a sender", "senders hear reports and requests", "unknown-type",
			report(set(2, 0x10|typ)))
	}
	stale := hear("Report", "echo that is older than 5 s", "the echo is of the last five seconds", false, report(same),
		report(same))
	stale.Sender.Announced[0] -= 5e6
	for i := range stale.Steps {
		b := report(same)
		copy(b[14:], clockEcho{Echo: timestamp(time.UnixMicro(stale.Sender.Announced[0]))}.append(nil)[6:12])
		text := hex.EncodeToString(b)
		stale.Steps[i].Datagram, stale.Steps[i].Refused = &text, "unproven"
	}

	hear("Sealed", "open report", "a sender with a key ignores open feedback", true, report(same),
		seal(report(same))).Steps[0].Refused = "unsealed"
	hear("Sealed", "report changed", "the tag is checked", true, flip(40)(seal(report(same))),
		seal(report(same))).Steps[0].Refused = "wrong-key"
	hear("Sealed", "sealed report cut short", "36 bytes of header and 16 of tag", true, seal(report(same))[:51],
		seal(report(same))).Steps[0].Refused = "malformed"
	hear("Sealed", "request first", "the first datagram of a receiver is a report", true, seal(request(same)),
		seal(report(same))).Steps[0].Refused = "replayed"
	b := seal(report(same))
	hear("Sealed", "report again", "the counter must grow", true, b, bytes.Clone(b),
		seal(request(same))).Steps[1].Refused = "replayed"
	b = seal(request(same))
	s := hear("Sealed", "request from before", "the counter must grow", true, seal(report(same)), b)
	s.Steps[1].Refused = "replayed"
	old := report(func(b []byte) []byte {
		copy(b[8:], clockEcho{Sent: timestamp(epoch), Echo: timestamp(epoch.Add(-6 * time.Second)), Held: 100}.append(nil))
		return b
	})
	hear("Sealed", "recorded report", "the first report echoes an announcement of the last 5 seconds", true, seal(old),
		seal(report(same))).Steps[0].Refused = "replayed"
	return all
}

// refusedSubscriptions are about Subscribes that come to a port, and answers that come to a receiver.
func refusedSubscriptions() (all []script) {
	number := uint64(0x0123456789abcdef)
	keys := subscriptionKeys([]Key{sceneKey, otherKey})
	sealed := func(by int, counter uint64, b []byte) []byte {
		return keys[by].seal(controlHeader{origin: sceneReceiver, counter: counter}, b)
	}
	add := func(reader, section, name, rule, key, why string, bad, good []byte) {
		s := script{Name: name, Section: section, Rule: rule, Reader: reader, Key: key}
		if reader == "subscriber" {
			s.Number = hex.EncodeToString(Subscribe{Number: number}.append(nil)[8:16])
		}
		for i, b := range [][]byte{bad, good} {
			text := hex.EncodeToString(b)
			step := scriptStep{At: epoch.UnixMicro() + int64(i), From: alice.String(), Datagram: &text}
			if i == 0 {
				step.Refused = why
			} else if reader == "port" {
				step.Answer = "cookie"
			}
			s.Steps = append(s.Steps, step)
		}
		all = append(all, s)
	}
	ask := func() []byte { return Subscribe{Number: number, Name: "door"}.append(nil) }
	set := func(b []byte, at int, v byte) []byte { b[at] = v; return b }
	port := func(name, rule, why string, b []byte) { add("port", "Subscribe", name, rule, "", why, b, ask()) }
	port("subscribe cut short", "34 bytes come before the name", "malformed", ask()[:33])
	port("name cut short", "the name is as long as its length says", "malformed", ask()[:37])
	port("name of 65 bytes", "a name has at most 64 bytes", "malformed", append(set(ask()[:34], 33, 65), make([]byte, 65)...))
	port("what of 2", "What is 0 or 1", "malformed", set(ask(), 32, 2))
	port("report to a port", "a port hears Subscribes", "unknown-type", set(ask(), 2, 0x14))
	port("answer to a port", "a port hears Subscribes", "unknown-type", set(ask(), 2, 0x17))
	port("sealed, to an open port", "an open port has no key", "wrong-key", sealed(0, 1, ask()))
	key := sceneKey.Text()
	port = func(name, rule, why string, b []byte) {
		add("port", "Sealed", name, rule, key, why, b, sealed(0, 9, ask()))
	}
	port("open subscribe", "a sender with a key does not answer open Subscribes", "unsealed", ask())
	port("subscribe with another key", "a sender does not answer what its key does not open", "wrong-key", sealed(1, 1, ask()))
	port("subscribe changed", "the tag is checked", "wrong-key", flip(-1)(sealed(0, 1, ask())))
	port("sealed subscribe cut short", "36 bytes of header and 16 of tag", "malformed", sealed(0, 1, ask())[:51])
	port("fields of a sealed subscribe", "the fields are checked too", "malformed", sealed(0, 1, set(ask(), 32, 2)))

	answer := func() []byte { return subscribeAnswer{number: number, status: StatusSubscribed}.append(nil) }
	reply := func(name, rule, why string, b []byte) {
		add("subscriber", "Answer to it", name, rule, "", why, b, answer())
	}
	reply("answer cut short", "an answer has 34 bytes", "malformed", answer()[:33])
	reply("status 4", "Status is 0 to 3", "malformed", set(answer(), 32, 4))
	reply("another number", "the number is that of the Subscribe", "other-session", set(answer(), 8, 0xff))
	reply("sealed, without a key", "a receiver without keys ignores sealed answers", "wrong-key", sealed(0, 1, answer()))
	reply = func(name, rule, why string, b []byte) {
		add("subscriber", "Sealed", name, rule, key, why, b, sealed(0, 9, answer()))
	}
	reply("open answer", "a receiver with keys ignores open answers", "unsealed", answer())
	reply("answer with another key", "the tag is checked", "wrong-key", sealed(1, 1, answer()))
	reply("answer changed", "the tag is checked", "wrong-key", flip(-1)(sealed(0, 1, answer())))
	b := sealed(0, 9, answer())
	add("subscriber", "Sealed", "answer again", "the counter must grow", key, "", b, bytes.Clone(b))
	all[len(all)-1].Steps[1].Refused = "replayed"
	return all
}
