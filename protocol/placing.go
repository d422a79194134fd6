package protocol

import (
	"bytes"
	"slices"
	"time"
)

// A pendingFrame is a frame that is not handed on yet, or a finished frame of which datagrams may still come.
type pendingFrame struct {
	id       uint32
	header   segmentHeader // of the first segment that came
	layout   layout
	deadline time.Time
	state    frameState
	wholeAt  time.Time

	bytes   []byte  // of all data segments, in whole strides; nil as long as the frame may not have the memory
	loose   []shard // data segments that came before that
	have    bitset  // the data segments that are here
	missing int     // data segments
	arrived int     // bytes of payload
	blocks  []pendingBlock

	rival           segmentHeader // the header that contradicted the first one last
	agree, disagree int           // how many datagrams agreed with header, and with rival

	arrivals arrivals
	asks     int       // how often the sender was asked for missing segments
	asked    time.Time // the last time
	helped   bool      // whether an answer to a request was of use
	repaired bool      // whether parity rebuilt a block
	partial  bool      // the stream was joined in the middle of this frame: it does not count as lost
}

type frameState uint8

const (
	unseen     frameState = iota // nothing came: a gap between IDs shows that the frame exists
	collecting                   // some segments are here
	whole                        // all segments are here, and the frame is intact
	done                         // handed on or dropped
)

// A pendingBlock is one block of a pending frame.
type pendingBlock struct {
	missing int     // data segments
	parity  []shard // in the order in which they came
}

// open sets up a frame from its first segment.
func (p *pendingFrame) open(s *segment, m *frameMemory) {
	n := s.layout.segments()
	p.header, p.layout, p.state = s.segmentHeader, s.layout, collecting
	p.have, p.missing = p.have.cleared(n), n
	for b := range s.layout.blocks {
		p.blocks = append(p.blocks, pendingBlock{missing: s.layout.blockSegments(b)})
	}
	m.used += p.overhead()
}

// overhead is about how many bytes of memory the frame needs besides those of its segments.
func (p *pendingFrame) overhead() int {
	parity := int(p.header.Parity) * p.layout.blocks
	return 512 + len(p.blocks)*32 + (2*p.layout.segments()+parity)/8
}

// vote notes whether a segment agrees with the header that the frame was opened with. If more segments agree on another
// header, the first one was forged, and the frame is opened again. vote returns whether the segment may be placed.
func (p *pendingFrame) vote(seg *segment, m *frameMemory) bool {
	if p.state != collecting || p.header.sameFrame(&seg.segmentHeader) {
		p.agree++
		return true
	}
	if p.disagree == 0 || !p.rival.sameFrame(&seg.segmentHeader) {
		p.rival, p.disagree = seg.segmentHeader, 0
	}
	if p.disagree++; p.disagree <= p.agree {
		return false
	}
	m.pool.Put(p.bytes)
	p.free(m)
	p.arrived, p.agree, p.disagree, p.asks, p.repaired = 0, p.disagree, 0, 0, false
	p.arrivals = arrivals{over: p.arrivals.over, seen: p.arrivals.seen[:0]}
	p.open(seg, m)
	return true
}

// place copies a segment to its place. It then rebuilds the segment's block, if there is enough parity. If the segment is of
// no use, place returns the reason. Frames of up to trusted bytes get all their memory at once.
func (p *pendingFrame) place(seg *segment, trusted int, m *frameMemory) (why DatagramDrop, placed bool) {
	if why, useless := p.useless(seg); useless {
		return why, false
	}
	p.arrived += len(seg.payload)
	if seg.parity {
		b := &p.blocks[seg.Block]
		b.parity = append(b.parity, shard{seg.index, bytes.Clone(seg.payload)})
		m.used += p.layout.stride
	} else {
		if p.reserve(trusted, m) {
			copy(p.bytes[seg.index*p.layout.stride:], seg.payload)
		} else {
			p.loose = append(p.loose, shard{seg.index, bytes.Clone(seg.payload)})
			m.used += p.layout.stride
		}
		p.got(seg.index)
	}
	p.repair(int(seg.Block), trusted, m)
	return 0, true
}

// useless reports whether the frame has no use for a segment, and why. If the frame still collects segments, the segment must
// agree with its header: see vote.
func (p *pendingFrame) useless(seg *segment) (why DatagramDrop, useless bool) {
	switch {
	case !p.wholeAt.IsZero():
		return DatagramSpare, true
	case p.state == done:
		return DatagramLate, true
	case seg.parity && p.blocks[seg.Block].missing == 0:
		return DatagramSpare, true
	case seg.parity:
		return DatagramDuplicate, p.blocks[seg.Block].has(seg.index)
	}
	return DatagramDuplicate, p.have.has(seg.index)
}

// reserve makes room for all of the frame, and puts the loose segments in their places. It returns false if the frame may not
// have that much memory yet. Frames of up to trusted bytes get it at once. The memory of larger frames must be earned by the
// bytes that arrive.
func (p *pendingFrame) reserve(trusted int, m *frameMemory) bool {
	if p.bytes != nil {
		return true
	}
	n := p.layout.segments() * p.layout.stride
	if n > max(trusted, freeReserve+2*p.arrived) {
		return false
	}
	m.used += n - len(p.loose)*p.layout.stride
	p.bytes = m.pool.Get(n)
	clear(p.bytes[p.layout.length:]) // the padding of the last segment
	for _, s := range p.loose {
		copy(p.bytes[s.number*p.layout.stride:], s.payload)
	}
	p.loose = nil
	return true
}

// got notes that data segment i is in its place.
func (p *pendingFrame) got(i int) {
	p.have.set(i)
	p.missing--
	p.blocks[i%p.layout.blocks].missing--
}

// repair rebuilds a block's missing segments, if there is enough parity, and memory for the frame.
func (p *pendingFrame) repair(block, trusted int, m *frameMemory) {
	b := p.blocks[block]
	if b.missing == 0 || len(b.parity) < b.missing || !p.reserve(trusted, m) ||
		!repair(p.layout, block, p.bytes, p.have, b.parity) {
		return
	}
	p.repaired = true
	for i := block; i < p.layout.segments(); i += p.layout.blocks {
		if !p.have.has(i) {
			p.got(i)
		}
	}
}

// shortage returns a request for what a block lacks. It returns false if the block has enough segments.
func (p *pendingFrame) shortage(block int) (r Request, short bool) {
	need := p.blocks[block].missing - len(p.blocks[block].parity)
	if need <= 0 {
		return r, false
	}
	r = Request{FrameID: p.id, Block: uint8(block), Need: uint8(need), Data: p.header.Data}
	r.Missing = make([]byte, ceilDiv(int(r.Data), 8))
	for j := range p.layout.data {
		if at := j*p.layout.blocks + block; at < p.layout.segments() && !p.have.has(at) {
			r.Missing[j/8] |= 0x80 >> (j % 8)
		}
	}
	return r, true
}

// waits reports whether the frame may still become whole.
func (p *pendingFrame) waits() bool { return p.state == collecting || p.state == unseen }

// has reports whether a row of parity is here.
func (b *pendingBlock) has(row int) bool {
	return slices.ContainsFunc(b.parity, func(s shard) bool { return s.number == row })
}

// size is how many bytes of memory the frame holds.
func (p *pendingFrame) size() int {
	if p.state == unseen || p.state == done {
		return 0
	}
	n := len(p.bytes) + p.overhead() + len(p.loose)*p.layout.stride
	for _, b := range p.blocks {
		n += len(b.parity) * p.layout.stride
	}
	return n
}

// free lets go of the frame's bytes.
func (p *pendingFrame) free(m *frameMemory) {
	m.used -= p.size()
	clear(p.blocks) // of parity
	p.state, p.bytes, p.loose, p.have, p.blocks = done, nil, nil, p.have[:0], p.blocks[:0]
}

// A frameMemory is the memory of all unfinished frames of an assembler. The zero value is ready.
type frameMemory struct {
	pool  Pool
	used  int           // bytes
	limit int           // the most bytes that may be used
	spare *pendingFrame // to be used again, or nil
}

// newFrame returns an empty frame.
func (m *frameMemory) newFrame(id uint32, deadline time.Time) *pendingFrame {
	p := m.spare
	if p == nil {
		p = &pendingFrame{}
	}
	m.spare = nil
	*p = pendingFrame{id: id, deadline: deadline, have: p.have[:0], blocks: p.blocks[:0],
		arrivals: arrivals{seen: p.arrivals.seen[:0]}}
	return p
}

// A bitset is a set of small numbers.
type bitset []uint64

// cleared returns an empty set with room for numbers below n. It uses the memory of s if that is large enough.
func (s bitset) cleared(n int) bitset {
	return append(s[:0], make(bitset, ceilDiv(n, 64))...)
}

func (s bitset) has(i int) bool { return i/64 < len(s) && s[i/64]&(1<<(i%64)) != 0 }
func (s bitset) set(i int)      { s[i/64] |= 1 << (i % 64) }
