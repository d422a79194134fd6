package protocol

import "fmt"

const (
	// Unit is what segment sizes are multiples of, in bytes: the repair code is fastest on units of 64.
	Unit = 64

	// maxBlockData is how many data segments one block has at the most. Repair is strongest over the whole frame, but
	// its cost grows with the block, and a block has at most maxShards, of which a quarter is left for parity; larger
	// frames are interleaved over several blocks.
	maxBlockData = 192

	// maxBlocks is what the blocks field can say.
	maxBlocks = 255
)

// A layout is how a frame's bytes lie in its segments. Sender and receiver derive the same one from the frame's
// length, the number of blocks and the number k of data segments in each block, which every datagram carries.
//
// The frame is cut at multiples of stride into segments 0, 1, 2, …; segment i belongs to block i mod blocks, so that
// neighbours on the wire are in different blocks and a burst of losses is shared among them. Only the last segment is
// shorter than stride. Where blocks × k exceeds the number of segments that hold any bytes, the rest are all zeros:
// they take part in the repair code and are not sent.
type layout struct {
	length int // of the frame, in bytes
	blocks int
	data   int // data segments in each block, k
	stride int // bytes in each segment, a multiple of Unit
}

// newLayout spreads length bytes evenly over the fewest segments of at most segmentSize bytes, a multiple of Unit.
func newLayout(length, segmentSize int) (layout, error) {
	if length < 1 || length > MaxFrameSize {
		return layout{}, fmt.Errorf("%w: %d bytes, of at most %d", ErrFrameSize, length, MaxFrameSize)
	}
	n := ceilDiv(length, segmentSize)
	blocks := ceilDiv(n, maxBlockData)
	if blocks > maxBlocks {
		return layout{}, fmt.Errorf("%w: %d bytes do not fit %d blocks of %d segments of %d bytes: choose larger segments",
			ErrFrameSize, length, maxBlocks, maxBlockData, segmentSize)
	}
	return layoutOf(length, blocks, ceilDiv(n, blocks)), nil
}

// layoutOf is the layout that the three numbers stand for, each at least 1.
func layoutOf(length, blocks, data int) layout {
	stride := ceilDiv(ceilDiv(length, blocks*data), Unit) * Unit
	return layout{length: length, blocks: blocks, data: data, stride: stride}
}

// segments is how many segments hold bytes of the frame.
func (l layout) segments() int { return ceilDiv(l.length, l.stride) }

// blockSegments is how many of them a block has: its data segments in order, without those that are all zeros.
func (l layout) blockSegments(block int) int { return ceilDiv(l.segments()-block, l.blocks) }

// rows is how many rows of parity each block can have, at least 1.
func (l layout) rows() int { return maxShards - l.data }

// span returns where in the frame segment i lies.
func (l layout) span(i int) (start, end int) {
	start = i * l.stride
	return start, min(start+l.stride, l.length)
}

// index is the segment that a block and a countdown name.
func (l layout) index(block, countdown int) int { return (l.data-countdown)*l.blocks + block }

// name is the block and the countdown of segment i.
func (l layout) name(i int) (block, countdown int) { return i % l.blocks, l.data - i/l.blocks }

func ceilDiv(a, b int) int { return (a + b - 1) / b }
