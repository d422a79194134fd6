package protocol

import "time"

// A pendingFrame is a frame of which some segments have arrived.
type pendingFrame struct {
	header   segmentHeader // of the segment that came first
	layout   layout
	deadline time.Time

	bytes   []byte   // grows to the frame's length
	have    []uint64 // a bit for each segment
	missing int      // segments not here yet
	arrived int      // bytes of payload that are here

	partial bool // the stream was joined in the middle of this frame: that it stays incomplete is nobody's loss
	done    bool // dropped; it stays in its stream's list so that its remaining datagrams are known as late
}

func newPendingFrame(h segmentHeader, l layout, deadline time.Time) *pendingFrame {
	n := l.segments()
	return &pendingFrame{header: h, layout: l, deadline: deadline, have: make([]uint64, ceilDiv(n, 64)), missing: n}
}

func (p *pendingFrame) has(i int) bool { return p.have[i/64]&(1<<(i%64)) != 0 }

// reserve makes room for the frame's bytes up to end and returns by how much the memory grew, or false if the segment
// lies further ahead than what has arrived of a frame vouches for. Frames up to trusted bytes are made room for whole.
func (p *pendingFrame) reserve(end, trusted int) (grown int, ok bool) {
	if end <= len(p.bytes) {
		return 0, true
	}
	old, want := len(p.bytes), p.layout.length
	if free := max(trusted, freeReserve); want > free {
		want = min(want, max(free, 2*p.arrived+freeReserve))
	}
	if end > want {
		return 0, false
	}
	b := make([]byte, want)
	copy(b, p.bytes)
	p.bytes = b
	return want - old, true
}

// put copies segment i, which is not here yet, to its place, for which there is room.
func (p *pendingFrame) put(i int, payload []byte) {
	start, _ := p.layout.span(i)
	copy(p.bytes[start:], payload)
	p.have[i/64] |= 1 << (i % 64)
	p.arrived += len(payload)
	p.missing--
}

// received is how many segments are here.
func (p *pendingFrame) received() int { return p.layout.segments() - p.missing }
