package protocol

import (
	"bytes"
	"math/bits"
	"slices"
	"time"
)

// A pendingFrame is a frame that is not handed on yet, or one that is done with, of which datagrams may still come.
type pendingFrame struct {
	id       uint32
	header   segmentHeader // of the segment that came first
	layout   layout
	deadline time.Time
	state    frameState
	wholeAt  time.Time

	bytes   []byte // grows to whole strides for all of the frame
	have    bitset // data segments
	missing int    // data segments
	arrived int    // bytes of payload that are here
	blocks  []pendingBlock

	arrivals arrivals
	asks     int       // how often the sender was asked
	asked    time.Time // when it was asked last
	helped   bool      // whether a segment that was asked for came

	repaired bool // whether parity rebuilt a block

	partial bool // the stream was joined in the middle of this frame: that it stays incomplete is nobody's loss
}

type frameState uint8

const (
	unseen     frameState = iota // known only by the gap between its neighbours' IDs
	collecting                   // some segments are here
	whole                        // all are, and they are right
	done                         // handed on or dropped
)

// A pendingBlock is one block of a pending frame.
type pendingBlock struct {
	missing int           // data segments
	parity  []parityShard // in the order in which they came
}

// open says what a frame is, of which the first segment has come.
func (p *pendingFrame) open(s *segment) {
	n := s.layout.segments()
	p.header, p.layout, p.state = s.segmentHeader, s.layout, collecting
	p.have, p.missing = p.have.cleared(n), n
	for b := range s.layout.blocks {
		p.blocks = append(p.blocks, pendingBlock{missing: s.layout.blockSegments(b)})
	}
}

// reserve makes room for the frame's bytes up to end and returns by how much the memory grew, or false if the segment
// lies further ahead than what has arrived of a frame vouches for. Frames up to trusted bytes are made room for whole.
func (p *pendingFrame) reserve(end, trusted int, pool *Pool) (grown int, ok bool) {
	if end <= len(p.bytes) {
		return 0, true
	}
	size := p.layout.segments() * p.layout.stride
	old, want := len(p.bytes), size
	if free := max(trusted, freeReserve); want > free {
		want = min(want, max(free, 2*p.arrived+freeReserve))
	}
	if end > want {
		return 0, false
	}
	b := pool.Get(want)
	copy(b, p.bytes)
	clear(b[min(want, p.layout.length):]) // the padding of the last segment
	pool.Put(p.bytes)
	p.bytes = b
	return want - old, true
}

// put copies data segment i, which is not here yet, to its place, for which there is room.
func (p *pendingFrame) put(i int, payload []byte) {
	start, _ := p.layout.span(i)
	copy(p.bytes[start:], payload)
	p.arrived += len(payload)
	p.got(i)
}

// got notes that data segment i is in its place.
func (p *pendingFrame) got(i int) {
	p.have.set(i)
	p.missing--
	p.blocks[i%p.layout.blocks].missing--
}

// keep copies a parity segment that is not here yet.
func (p *pendingFrame) keep(s *segment) {
	b := &p.blocks[s.Block]
	b.parity = append(b.parity, parityShard{s.index, bytes.Clone(s.payload)})
	p.arrived += len(s.payload)
}

// repair rebuilds a block's missing segments, if there is enough parity.
func (p *pendingFrame) repair(block int) bool {
	if !repair(p.layout, block, p.bytes, p.have, p.blocks[block].parity) {
		return false
	}
	for i := block; i < p.layout.segments(); i += p.layout.blocks {
		if !p.have.has(i) {
			p.got(i)
		}
	}
	return true
}

// has reports whether a parity row is here.
func (b *pendingBlock) has(row int) bool {
	return slices.ContainsFunc(b.parity, func(p parityShard) bool { return p.row == row })
}

// memory is how many bytes the frame holds.
func (p *pendingFrame) memory() int {
	n := len(p.bytes)
	for _, b := range p.blocks {
		n += len(b.parity) * p.layout.stride
	}
	return n
}

// free lets go of the frame's bytes.
func (p *pendingFrame) free() {
	clear(p.blocks) // of parity
	p.state, p.bytes, p.have, p.blocks = done, nil, p.have[:0], p.blocks[:0]
}

// reuse makes p, which is done with and in no list any more, another frame, in the memory that it has.
func (p *pendingFrame) reuse(id uint32, deadline time.Time) {
	*p = pendingFrame{id: id, deadline: deadline, have: p.have[:0], blocks: p.blocks[:0], arrivals: arrivals{seen: p.arrivals.seen[:0]}}
}

// A bitset is a set of small numbers.
type bitset []uint64

// cleared returns an empty set with room for numbers below n, in the memory of s if that suffices.
func (s bitset) cleared(n int) bitset {
	return append(s[:0], make(bitset, ceilDiv(n, 64))...)
}

func (s bitset) has(i int) bool { return i/64 < len(s) && s[i/64]&(1<<(i%64)) != 0 }
func (s bitset) set(i int)      { s[i/64] |= 1 << (i % 64) }

func (s bitset) count() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}
