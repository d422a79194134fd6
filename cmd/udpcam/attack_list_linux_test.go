package main_test

import (
	"fmt"
	"net/netip"
	"time"
)

// An attack makes packets. It is called again and again, with how often it was called before.
type attack struct {
	name    string
	rate    float64 // calls a second in the mixture of all attacks; 0 shares what the others leave of the mixture's rate
	packets func(a *attacker, n int) []packet
}

// attacks are all attacks by datagrams. Those whose names end in "forged" come from the address of the camera.
var attacks = []attack{
	{"ahead", 0.5, func(a *attacker, n int) []packet {
		return a.intoStreams(false, func(f flow) wireSegment { return wholeFrame(0, f.newest.frame+1<<30, tiny) })
	}},
	{"ahead forged", 0.5, func(a *attacker, n int) []packet {
		return a.intoStreams(true, func(f flow) wireSegment { return wholeFrame(0, f.newest.frame+1<<30, tiny) })
	}},
	{"ahead a little", 0.5, func(a *attacker, n int) []packet {
		return a.intoStreams(false, func(f flow) wireSegment { return wholeFrame(0, f.newest.frame+100, tiny) })
	}},
	{"ahead in a row", 0.2, func(a *attacker, n int) (all []packet) {
		for i := range uint32(10) {
			ahead := func(f flow) wireSegment { return wholeFrame(0, f.newest.frame+1<<30+i, tiny) }
			all = append(all, a.intoStreams(false, ahead)...)
		}
		return all
	}},
	{"ahead unfinished", 0.5, func(a *attacker, n int) []packet {
		return a.intoStreams(false, func(f flow) wireSegment { return firstSegment(f.newest.frame+1<<30, n) })
	}},
	// The first segment of the stream's next frame, which describes the frame falsely.
	{"contradict", 32, func(a *attacker, n int) []packet {
		return a.intoStreams(false, func(f flow) wireSegment { return firstSegment(f.newest.frame+1, n) })
	}},
	{"contradict forged", 0.5, func(a *attacker, n int) []packet {
		return a.intoStreams(true, func(f flow) wireSegment { return firstSegment(f.newest.frame+1, n) })
	}},
	// The same for each of the next frames, so that the falsehood is always there first.
	{"contradict ahead", 0.5, func(a *attacker, n int) []packet { return a.contradictAhead(false, n) }},
	{"contradict ahead forged", 0.5, func(a *attacker, n int) []packet { return a.contradictAhead(true, n) }},
	// Each datagram is another frame, with another repair code.
	{"codes", 0, func(a *attacker, n int) []packet {
		k := 1 + n%128
		p := min(1<<(n/128%8), 256-k)
		return a.strange(wireSegment{kind: wireParity, session: a.base + uint32(n%64), frame: uint32(n/64 + 1), blocks: 1,
			k: byte(k), p: byte(p), countdown: byte(256 - k), length: 64, crc: 1, payload: make([]byte, 64)})
	}},
	{"parity first", 0, func(a *attacker, n int) []packet {
		return a.strange(wireSegment{kind: wireParity, session: a.base + 100 + uint32(n/16%32), frame: uint32(n / 16),
			block: byte(n % 255), blocks: 255, k: 254, p: 2, countdown: 2, length: 255 * 254 * 64, crc: 1,
			payload: make([]byte, 64)})
	}},
	// Blocks that parity alone makes whole, each a code to solve for 128 unknowns.
	{"parity alone", 0, func(a *attacker, n int) []packet {
		const k = 128
		return a.strange(wireSegment{kind: wireParity, session: a.base + 150 + uint32(n/k%8), frame: uint32(n / k), blocks: 1,
			k: k, p: 256 - k, countdown: byte(256 - k - n%k), length: k * 64, crc: 1, payload: a.noise(64)})
	}},
	// The last byte of frames of 16 MB, laid out as a sender would.
	{"huge frames", 0, func(a *attacker, n int) []packet {
		const blocks, k, length = 63, 190, 11915*1408 + 1
		return a.strange(wireSegment{kind: wireData, session: a.base + 160 + uint32(n%32), frame: uint32(n / 32), blocks: blocks,
			k: k, block: 11915 % blocks, countdown: 1, length: length, crc: 1, payload: []byte{0xD9}})
	}},
	{"sessions", 0, func(a *attacker, n int) []packet {
		return a.strange(wholeFrame(a.rand.Uint32N(1<<24), 1, tiny))
	}},
	{"sessions of many addresses", 0, func(a *attacker, n int) []packet {
		s := wholeFrame(a.rand.Uint32N(1<<24), 1, tiny)
		return []packet{{a.anybody(), a.target, s.bytes()}}
	}},
	// As many streams as a receiver follows, each announced, and with one whole picture a call.
	{"fill", 0.1, func(a *attacker, n int) (all []packet) {
		for i := range uint32(64) {
			session := a.base + 200 + i
			all = append(all, packet{a.own[0], a.target, wireAnnounce(session, uint32(n+1), fmt.Sprint("fake", i))})
			all = append(all, a.strange(wholeFrame(session, uint32(n+1), tiny))...)
		}
		return all
	}},
	// An announcement of the stream itself, with another name.
	{"rename", 0.5, func(a *attacker, n int) []packet { return a.renamed(false) }},
	{"rename forged", 0.5, func(a *attacker, n int) []packet { return a.renamed(true) }},
	{"takeover", 1, func(a *attacker, n int) (all []packet) {
		for _, f := range a.to(a.target) {
			session := a.base + 300 + uint32(n%1000)
			all = append(all, packet{f.from, a.target, wireAnnounce(session, 1, f.name)},
				packet{f.from, a.target, wholeFrame(session, 1, tiny).bytes()})
		}
		return all
	}},
	{"first", 0.4, func(a *attacker, n int) []packet {
		session := a.base + 1400
		return append([]packet{{a.own[0], a.target, wireAnnounce(session, uint32(n+1), "first")}},
			a.strange(wholeFrame(session, uint32(n+1), tiny))...)
	}},
	// What a report can say: that datagrams waited in a queue, that a radio lost some, that a queue overflowed.
	{"reports", 20, func(a *attacker, n int) []packet {
		return a.fromReceiver(func(f flow) []byte {
			var trains []wireTrain
			for i := range uint32(8) {
				sent := int(f.newest.k)*int(f.newest.blocks) + int(f.newest.p)*int(f.newest.blocks)
				t := wireTrain{frame: f.newest.frame - 8 + i, came: sent, took: 300 * time.Millisecond}
				switch n % 3 {
				case 1:
					t = wireTrain{frame: t.frame, came: sent - sent/2, first: sent / 4, last: sent / 4, runs: sent / 4}
				case 2:
					t = wireTrain{frame: t.frame, came: sent - sent/2, last: sent / 2, runs: 1}
				}
				trains = append(trains, t)
			}
			return wireReportOf(f.newest.session, f.newest.stream, 476, n%100, trains...)
		})
	}},
	{"requests", 50, func(a *attacker, n int) []packet {
		return a.fromReceiver(func(f flow) []byte {
			k := f.newest.k * byte(n%2) // all of the frame, or all of a block
			return wireRequestOf(f.newest.session, f.newest.frame-uint32(n%8), f.newest.stream, 0, k)
		})
	}},
	{"fragmentation needed", 5, func(a *attacker, n int) (all []packet) {
		for _, f := range a.to(a.target) {
			mtu := []uint16{1280, 576, 552, 68, 0}[n%5]
			from, to := netip.AddrPortFrom(a.target.Addr(), 0), netip.AddrPortFrom(f.from.Addr(), 0)
			all = append(all, packet{from, to, fragmentationNeeded(f, mtu)})
		}
		return all
	}},
	{"bombs", 10, func(a *attacker, n int) []packet {
		session := a.base + 1401
		return append([]packet{{a.own[0], a.target, wireAnnounce(session, uint32(n+1), "bomb")}},
			a.strange(wholeFrame(session, uint32(n+1), bomb()))...)
	}},
	{"random", 0, func(a *attacker, n int) []packet {
		r := a.noise(3 + a.rand.IntN(1400))
		prefix := wirePrefix(byte(1+n%12), r[0], a.rand.Uint32N(1<<24), r[1], r[2])
		return []packet{{a.own[n%50], a.target, append(prefix, r[3:]...)}}
	}},
	{"noise", 0, func(a *attacker, n int) []packet {
		return []packet{{a.own[n%50], a.target, a.noise(a.rand.IntN(1400))}}
	}},
	{"replay", 0, func(a *attacker, n int) []packet {
		p, ok := a.record(n)
		if !ok {
			return nil
		}
		p.to = a.target
		return []packet{p}
	}},
	{"mutated", 0, func(a *attacker, n int) []packet {
		p, ok := a.record(n)
		if !ok {
			return nil
		}
		p.to = a.target
		if n%2 == 0 {
			p.from = a.own[0]
		}
		for range 1 + a.rand.IntN(3) {
			p.payload[a.rand.IntN(min(len(p.payload), 40))] ^= byte(1 << a.rand.IntN(8))
		}
		return []packet{p}
	}},
}

// firstSegment is the first of ten segments of a frame that never becomes whole. n varies what it says of the frame.
func firstSegment(frame uint32, n int) wireSegment {
	return wireSegment{kind: wireData, frame: frame, blocks: 1, k: 10, countdown: 10, length: 10*1408 - n%1000,
		captured: wireNow(), crc: uint32(n), payload: make([]byte, 1408)}
}

func (a *attacker) contradictAhead(forged bool, n int) (all []packet) {
	for i := range uint32(16) {
		all = append(all, a.intoStreams(forged, func(f flow) wireSegment { return firstSegment(f.newest.frame+1+i, n) })...)
	}
	return all
}

// intoStreams sends one segment into each stream that the receiver gets. It is made without session and stream number.
func (a *attacker) intoStreams(forged bool, make func(flow) wireSegment) (all []packet) {
	for _, f := range a.to(a.target) {
		s := make(f)
		s.session, s.stream = f.newest.session, f.newest.stream
		from := a.own[0]
		if forged {
			from = f.from
		}
		all = append(all, packet{from, a.target, s.bytes()})
	}
	return all
}

// renamed announces each stream under another name.
func (a *attacker) renamed(forged bool) (all []packet) {
	for _, f := range a.to(a.target) {
		from := a.own[0]
		if forged {
			from = f.from
		}
		all = append(all, packet{from, a.target, wireAnnounce(f.newest.session, f.newest.frame+1<<30, "renamed")})
	}
	return all
}

// strange sends a segment of a stream that the attacker has invented, from its own address.
func (a *attacker) strange(s wireSegment) []packet { return []packet{{a.own[0], a.target, s.bytes()}} }

// fromReceiver sends a datagram to the sender of each stream, in the receiver's name.
func (a *attacker) fromReceiver(make func(flow) []byte) (all []packet) {
	for _, f := range a.to(a.target) {
		all = append(all, packet{a.target, f.from, make(f)})
	}
	return all
}
