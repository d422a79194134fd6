package conform

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// mutations are of receivers and senders without a key, at {addr}.
var mutations = map[string]mutation{
	"knows no second block": {rule: "layouts", in: dropped(func(_ *mutantRelay, b []byte) bool {
		return isSegment(b) && b[7] > 0
	}), out: noRequests},
	"needs the first segment first": {rule: "any-order", out: noRequests, in: dropped(func(r *mutantRelay, b []byte) bool {
		if !isSegment(b) {
			return false
		}
		fresh := !bytes.Equal(r.note["frame"], b[8:12])
		r.note["frame"] = bytes.Clone(b[8:12])
		if fresh {
			r.note["good"] = nil
			if b[0] == b[16] {
				r.note["good"] = []byte{1}
			}
		}
		return r.note["good"] == nil
	})},
	"joins only at a first segment": {rule: "join", in: dropped(func(r *mutantRelay, b []byte) bool {
		if isSegment(b) && r.note["joined"] == nil {
			r.note["joined"] = []byte{b[0], b[16]}
		}
		j := r.note["joined"]
		return j != nil && j[0] != j[1]
	})},
	"shows twice": {rule: "duplicates", shown: func(_ *mutantRelay, j []byte) [][]byte { return [][]byte{j, j} }},
	"shows two in disorder": {rule: "order", shown: func(r *mutantRelay, j []byte) (all [][]byte) {
		if r.n++; r.n%2 == 0 && len(held) > 0 {
			all, held = [][]byte{j, held}, nil
			return all
		}
		held = j
		return nil
	}},
	"shows when the next comes": {rule: "latency", shown: func(_ *mutantRelay, j []byte) (all [][]byte) {
		all, held = [][]byte{held}, j
		return all
	}},
	"waits long for segments": {rule: "deadline", args: "--deadline 10s"},
	"IDs have 31 bits": {rule: "wrap", in: dropped(func(_ *mutantRelay, b []byte) bool {
		return isSegment(b) && b[8] < 0x80
	}), out: noRequests},
	"needs no name": {rule: "name", in: func(r *mutantRelay, b []byte) [][]byte {
		if !isSegment(b) {
			return [][]byte{b}
		}
		a := announced{name: "door"}
		return [][]byte{append(prefix{typ: announcement, session: be32(b[4:]) >> 8}.bytes(), a.bytes()...), b}
	}},
	"knows no later versions": {rule: "later-versions", in: dropped(func(_ *mutantRelay, b []byte) bool {
		return typeOf(b) == announcement && len(b) > 45
	})},
	"knows no second session": {rule: "restart", in: dropped(func(r *mutantRelay, b []byte) bool {
		if r.note["session"] == nil && len(b) > 8 {
			r.note["session"] = bytes.Clone(b[4:7])
		}
		return len(b) > 8 && !bytes.Equal(r.note["session"], b[4:7])
	})},
	"stays at its IDs":   {rule: "other-ids", in: farFrame(1000)},
	"knows no addresses": {rule: "two-streams", merged: true, in: sameHeader},
	"repairs nothing": {rule: "parity", out: noRequests, in: dropped(func(_ *mutantRelay, b []byte) bool {
		return typeOf(b)&7 == parity
	})},
	"knows the first ten rows": {rule: "worst-rows", in: dropped(func(_ *mutantRelay, b []byte) bool {
		return typeOf(b)&7 == parity && 256-int(b[16])-int(b[0]) > 10
	})},
	"knows one p": {rule: "changing-parity", out: noRequests, in: dropped(func(_ *mutantRelay, b []byte) bool {
		return isSegment(b) && b[17] > 3
	})},
	"knows no Skip":     {rule: "skip", in: dropped(func(_ *mutantRelay, b []byte) bool { return typeOf(b) == skip })},
	"asks for one more": {rule: "asks", out: of(request, 12, plus(1))},
	"asks for block 0":  {rule: "asks-blocks", out: of(request, 7, value(0))},
	"asks for no whole frames": {rule: "asks-whole", out: dropped(func(_ *mutantRelay, b []byte) bool {
		return typeOf(b) == request && b[13] == 0
	})},
	"takes no data as an answer": {rule: "answers", in: dropped(func(_ *mutantRelay, b []byte) bool { return typeOf(b) == 9 })},
	"asks twice":                 {rule: "asks-again", out: times(4, request)},
	"reports rarely": {rule: "reports", out: dropped(func(r *mutantRelay, b []byte) bool {
		return typeOf(b) == report && !r.every(5)
	})},
	"echoes a microsecond more": {rule: "report-echo", out: of(report, 19, plus(1))},
	"counts one more": {rule: "report-trains", out: typed(report, func(_ *mutantRelay, b []byte) []byte {
		for at := 32; at+28 <= len(b); at += 28 {
			b[at+11]++
		}
		return b
	})},
	"reports no missing frame": {rule: "report-missing", out: typed(report, func(_ *mutantRelay, b []byte) []byte {
		for at := 32; at+28 <= len(b); at += 28 {
			if b[at+10] == 0 && b[at+11] == 0 {
				b[at+11] = 1
			}
		}
		return b
	})},
	"knows no span": {rule: "report-times", out: typed(report, func(_ *mutantRelay, b []byte) []byte {
		for at := 32; at+28 <= len(b); at += 28 {
			copy(b[at+16:], make([]byte, 4))
		}
		return b
	})},
	"sends much back":     {rule: "feedback-share", out: func(_ *mutantRelay, b []byte) [][]byte { return slices.Repeat([][]byte{b}, 40) }},
	"sends from anywhere": {rule: "feedback-address", from: true},
	"knows no magic": {rule: "refuse-foreign", in: changed(func(_ *mutantRelay, b []byte) []byte {
		if len(b) > headerSize {
			b[1], b[2] = 0xca, 0x10|b[2]&15
		}
		return b
	})},
	"takes other types for data": {rule: "refuse-types", in: changed(func(_ *mutantRelay, b []byte) []byte {
		if len(b) > 200 && typeOf(b) > 10 {
			b[2] = 0x11
		}
		return b
	})},
	"mends fields": {rule: "refuse-fields", in: changed(func(_ *mutantRelay, b []byte) []byte {
		if len(b) > headerSize && typeOf(b) == data && (b[0] == 0 || b[0] > b[16]) {
			b[0] = b[16]
		}
		return b
	})},
	"dies of a layout": {rule: "refuse-layouts", in: exits(func(b []byte) bool { return isSegment(b) && b[16] > 192 })},
	"cuts and fills": {rule: "refuse-lengths", in: changed(func(_ *mutantRelay, b []byte) []byte {
		if !isSegment(b) || typeOf(b) != data {
			return b
		}
		s := must(parseSegment(b))
		if s.blocks == 0 || s.k == 0 {
			return b
		}
		l := layout{stride: ceil(ceil(s.length, s.blocks*s.k), 64) * 64}
		want := headerSize + min(l.stride, s.length-s.index()*l.stride)
		if want < headerSize || want > 60_000 {
			return b
		}
		return append(b, make([]byte, 2000)...)[:want]
	})},
	"knows no contradictions": {rule: "refuse-contradictions", in: sameHeader},
	"checks no CRC":           {rule: "refuse-crc", in: trusting},
	"checks no JPEG":          {rule: "refuse-no-jpeg", in: trusting},
	"dies of an announcement": {rule: "refuse-announcements", in: exits(func(b []byte) bool {
		return typeOf(b) == announcement && len(b) < 37
	})},
	"believes all IDs":       {rule: "refuse-far-ids", in: trusting},
	"shows old frames again": {rule: "refuse-old-frames", in: trusting},
	"believes lengths": {rule: "memory", in: changed(func(r *mutantRelay, b []byte) []byte {
		if isSegment(b) && be32(b[12:])&0xffffff > 1<<23 && len(r.big) < 20 {
			big := make([]byte, 1<<24)
			for i := range big {
				big[i] = 1
			}
			r.big = append(r.big, big)
		}
		return b
	})},
	"answers sealed streams": {rule: "sealed-without-key", in: changed(func(r *mutantRelay, b []byte) []byte { r.answer(b); return b })},

	"loses a frame": {rule: "send-frames", out: dropped(func(_ *mutantRelay, b []byte) bool { return isSegment(b) && b[11]%16 == 3 })},
	"claims a larger k": {rule: "send-layout", out: changed(func(_ *mutantRelay, b []byte) []byte {
		if isSegment(b) {
			b[16]++
		}
		return b
	})},
	"has two times a frame": {rule: "send-headers", out: changed(func(r *mutantRelay, b []byte) []byte {
		if isSegment(b) && r.every(2) {
			b[23]++
		}
		return b
	})},
	"parity first": {rule: "send-order", out: func(r *mutantRelay, b []byte) (all [][]byte) {
		if !isSegment(b) {
			return [][]byte{b}
		}
		if r.last == nil {
			r.last = b
			return nil
		}
		all, r.last = [][]byte{b, r.last}, nil
		return all
	}},
	"another CRC": {rule: "send-crc", out: changed(func(_ *mutantRelay, b []byte) []byte {
		if isSegment(b) {
			b[27] ^= 1
		}
		return b
	})},
	"milliseconds": {rule: "send-times", out: changed(func(_ *mutantRelay, b []byte) []byte {
		if isSegment(b) {
			at := binary.BigEndian.Uint64(b[16:])
			binary.BigEndian.PutUint64(b[16:], at>>48<<48|at&(1<<48-1)/1000)
		}
		return b
	})},
	"another code": {rule: "send-parity", out: typed(parity, func(_ *mutantRelay, b []byte) []byte { b[40] ^= 1; return b })},
	"announces once": {rule: "announcements", out: dropped(func(r *mutantRelay, b []byte) bool {
		return typeOf(b) == announcement && !r.every(12)
	})},
	"announces the future":  {rule: "announced-newest", out: of(announcement, 18, plus(1))},
	"echoes wrongly":        {rule: "announced-echo", out: of(announcement, 31, plus(1))},
	"has one session":       {rule: "new-session", out: changed(func(_ *mutantRelay, b []byte) []byte { copy(b[4:], "one"); return b })},
	"ends badly":            {rule: "send-ends", status: 3},
	"sends rows again":      {rule: "answer-parity", out: times(2, 10)},
	"sends no data again":   {rule: "answer-data", out: dropped(func(_ *mutantRelay, b []byte) bool { return typeOf(b) == 9 })},
	"sends half of a frame": {rule: "answer-whole", out: dropped(func(r *mutantRelay, b []byte) bool { return typeOf(b) == 9 && r.every(2) })},
	"answers everything": {rule: "answer-nothing", out: noted, in: typed(request, func(r *mutantRelay, b []byte) []byte {
		again := set(r.note["segment"], 2, 0x19)
		r.answer(again)
		return b
	})},
	"answers without limit": {rule: "answer-limit", out: noted, in: typed(request, func(r *mutantRelay, b []byte) []byte {
		for range 30 {
			r.answer(set(r.note["segment"], 2, 0x19))
		}
		return b
	})},
	"answers strangers":  {rule: "strangers"}, // all peers of the relay are one to udpcam
	"dies of a datagram": {rule: "hostile", in: exits(func(b []byte) bool { return len(b) == 4 })},
	"believes any echo": {rule: "forged-echo", out: typed(announcement, func(r *mutantRelay, b []byte) []byte {
		r.note["sent"] = bytes.Clone(b[20:26])
		return b
	}), in: typed(report, func(r *mutantRelay, b []byte) []byte { copy(b[14:], r.note["sent"]); return b })},
}
