package conform

import (
	"bytes"
	"os"
)

// datagrams says what becomes of a datagram on its way: none, one or several.
type datagrams = func(*mutantRelay, []byte) [][]byte

// of makes a change that says only which bytes become which.
func of(typ byte, at int, value func(byte) byte) datagrams {
	return typed(typ, func(_ *mutantRelay, b []byte) []byte { return set(b, at, value(b[at])) })
}

// plus and value are changes of a byte, for of.
func plus(n byte) func(byte) byte  { return func(v byte) byte { return v + n } }
func value(n byte) func(byte) byte { return func(byte) byte { return n } }

// exits makes a mutant that ends when such a datagram comes.
func exits(when func(b []byte) bool) datagrams {
	return dropped(func(r *mutantRelay, b []byte) bool {
		if when(b) {
			r.dies()
		}
		return false
	})
}

// trusting writes the data of a frame without any check, when its last datagram comes.
func trusting(r *mutantRelay, b []byte) [][]byte {
	if !isSegment(b) || typeOf(b) != data {
		return [][]byte{b}
	}
	s := must(parseSegment(b))
	if s.sealed {
		if len(r.note["salt"]) == 0 {
			return [][]byte{b}
		}
		open, err := must(r.key.segments(r.note["salt"], r.note["suite"][0])).Open(nil, nonce(b), b[headerSize:], b[:headerSize])
		if err != nil {
			return [][]byte{b}
		}
		s.payload = open
	}
	if s.countdown == byte(s.k) && s.block == 0 {
		r.last = nil
	}
	if r.last = append(r.last, s.payload...); s.countdown == 1 {
		if !bytes.HasSuffix(r.last, []byte{0xff, 0xd9}) { // so that the output can be cut
			r.last = append(r.last, 0xff, 0xd9)
		}
		os.Stdout.Write(r.last)
	}
	return [][]byte{b}
}

// Many mutants drop requests too: udpcam would get from an answer what the mutant has lost.
var noRequests = dropped(func(_ *mutantRelay, b []byte) bool { return typeOf(b) == request })

func farFrame(than uint32) datagrams {
	return dropped(func(r *mutantRelay, b []byte) bool {
		if !isSegment(b) {
			return false
		}
		id := be32(b[8:])
		if r.note["first"] == nil {
			r.note["first"] = bytes.Clone(b[8:12])
		}
		d := int32(id - be32(r.note["first"]))
		return d > int32(than) || d < -int32(than)
	})
}

var held []byte

// sameHeader gives all segments of a frame the header of the first one.
var sameHeader = changed(func(r *mutantRelay, b []byte) []byte {
	if isSegment(b) {
		key := "h" + string(b[8:12])
		if r.note[key] == nil {
			r.note[key] = bytes.Clone(b[12:28])
		}
		copy(b[12:17], r.note[key])
		copy(b[18:28], r.note[key][6:])
	}
	return b
})
