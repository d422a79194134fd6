package conform

import (
	"bytes"
	"time"
)

var mutantKey = Key(bytes.Repeat([]byte{0x5a}, 32))

// keyedMutations are of programs with a key.
var keyedMutations = map[string]mutation{
	"believes at once":    {rule: "seal-believes", in: salts(trusting)},
	"believes anybody":    {rule: "seal-others", in: salts(trusting)},
	"repeats its counter": {rule: "seal-reports", out: times(2, report)},
	"knows one suite": {rule: "seal-suites", in: dropped(func(_ *mutantRelay, b []byte) bool {
		return typeOf(b) == announcement && b[34] == aesGCM
	})},
	"takes tags on trust": {rule: "seal-tampered", in: exits(func(b []byte) bool { return isSegment(b) && len(b) == 44 })},
	"ignores the counter of announcements": {rule: "seal-counter", in: salts(resealed(announcement, func(
		r *mutantRelay, c *control, open []byte) []byte {
		r.n++
		c.counter = uint64(r.n)
		return open
	}))},
	"shows old frames":     {rule: "seal-old", in: salts(trusting)},
	"answers other keys":   {rule: "seal-other-key", in: changed(func(r *mutantRelay, b []byte) []byte { r.answer(b); return b })},
	"answers open streams": {rule: "seal-open", in: changed(func(r *mutantRelay, b []byte) []byte { r.answer(b); return b })},
	"stays at one address": {rule: "seal-moves", in: dropped(func(r *mutantRelay, b []byte) bool { return isSegment(b) && len(r.peers) > 2 })},
	"uses a nonce twice": {rule: "seal-nonces", out: salts(func(r *mutantRelay, b []byte) [][]byte {
		if typeOf(b) != 10 || r.note["salt"] == nil {
			return [][]byte{b}
		}
		s := must(parseSegment(b))
		s.payload = make([]byte, len(s.payload)-tagSize)
		return [][]byte{b, sealSegment(must(r.key.segments(r.note["salt"], r.note["suite"][0])), s)}
	})},
	"announces with one counter": {rule: "seal-announcements", out: times(2, announcement)},
	"answers a report late": {rule: "seal-first-report", out: func(r *mutantRelay, b []byte) [][]byte {
		if typeOf(b) == announcement {
			time.AfterFunc(400*time.Millisecond, func() { r.answer(b) })
			return nil
		}
		return [][]byte{b}
	}},
	"ignores the counter of feedback": {rule: "seal-replayed", out: salts(nil), in: func(r *mutantRelay, b []byte) [][]byte {
		grow := func(r *mutantRelay, c *control, open []byte) []byte { r.n++; c.counter = uint64(r.n); return open }
		return resealed(typeOf(b), grow)(r, b)
	}},
	"believes any report": {rule: "seal-proof", out: salts(nil), in: resealed(report, func(
		r *mutantRelay, _ *control, open []byte) []byte {
		copy(open[14:], r.note["sent"])
		return open
	})},
	"seals what is open": {rule: "seal-feedback", out: salts(nil), in: changed(func(r *mutantRelay, b []byte) []byte {
		if typeOf(b) == request && b[2]&0x80 == 0 {
			return sealControl(r.key.feedback(r.note["salt"]), control{origin: [16]byte(r.note["origin"]),
				counter: 1 << 40, key: r.key.id()}, b)
		}
		if len(b) > controlSize {
			r.note["origin"] = bytes.Clone(b[8:24])
		}
		return b
	})},
	"answers open Subscribes": {rule: "listen-keys", in: changed(func(r *mutantRelay, b []byte) []byte { r.answer(b); return b })},
}

// subscribed mutations are of receivers that go to a sender, and listening ones of senders that receivers go to.
var subscribedMutations = map[string]mutation{
	"knows no cookies": {rule: "subscribe", out: typed(subscribe, func(_ *mutantRelay, b []byte) []byte {
		copy(b[16:], make([]byte, 16))
		return b
	})},
	"asks thrice":       {rule: "subscribe-rhythm", out: times(3, subscribe)},
	"floods":            {rule: "subscribe-flood", out: times(4, subscribe)},
	"asks all the time": {rule: "subscribe-quiet", out: repeats},
	"asks a full one":   {rule: "subscribe-full", out: repeats},
	"asks never again": {rule: "subscribe-again", out: dropped(func(r *mutantRelay, b []byte) bool {
		return typeOf(b) == subscribe && r.n > 0
	}), in: counted},
	"takes any answer": {rule: "subscribe-forged", out: typed(subscribe, func(r *mutantRelay, b []byte) []byte {
		r.note["number"] = bytes.Clone(b[8:16])
		return b
	}),
		in: typed(subscribed, func(r *mutantRelay, b []byte) []byte { copy(b[8:], r.note["number"]); return b })},
	"leaves without a word": {rule: "farewell", out: dropped(func(_ *mutantRelay, b []byte) bool {
		return typeOf(b) == subscribe && b[32] == 1
	})},
}

var listeningMutations = map[string]mutation{
	"sends to anybody": {rule: "listen", in: typed(subscribe, func(r *mutantRelay, b []byte) []byte {
		r.answer(make([]byte, 500))
		return b
	})},
	"knows no address": {rule: "listen-proof", merged: true},
	"never stops": {rule: "listen-lease", in: func(r *mutantRelay, b []byte) [][]byte {
		if typeOf(b) == subscribe && !bytes.Equal(b[16:32], make([]byte, 16)) && r.last == nil {
			r.last = b
			r.later(500*time.Millisecond, func() { r.peers[r.to].WriteToUDPAddrPort(r.last, r.inner) })
		}
		return [][]byte{b}
	}},
	"knows no farewell": {rule: "listen-farewell", in: dropped(func(_ *mutantRelay, b []byte) bool {
		return typeOf(b) == subscribe && b[32] == 1
	})},
	"has every stream": {rule: "listen-name", in: typed(subscribe, func(_ *mutantRelay, b []byte) []byte { b[33] = 0; return b })},
	"answers what is cut short": {rule: "listen-malformed", in: changed(func(r *mutantRelay, b []byte) []byte {
		if typeOf(b) == subscribe && len(b) < 34 {
			r.answer(make([]byte, 34))
		}
		return b
	})},
	"answers those who have not subscribed": {rule: "listen-answers", in: typed(request, func(r *mutantRelay, b []byte) []byte {
		r.answer(b)
		return b
	})},
}

// repeats sends the last Subscribe again and again.
func repeats(r *mutantRelay, b []byte) [][]byte {
	if typeOf(b) == subscribe {
		if r.last == nil {
			r.later(200*time.Millisecond, func() { r.outer.WriteToUDPAddrPort(r.last, r.to) })
		}
		r.last = b
	}
	return [][]byte{b}
}

// counted counts the segments that pass.
func counted(r *mutantRelay, b []byte) [][]byte {
	if isSegment(b) {
		r.n++
	}
	return [][]byte{b}
}

// noted notes a segment that passes.
func noted(r *mutantRelay, b []byte) [][]byte {
	if typeOf(b) == data {
		r.note["segment"] = bytes.Clone(b)
	}
	return [][]byte{b}
}
