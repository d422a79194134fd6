package protocol

import "fmt"

const (
	// Unit is the number of bytes of which segment sizes are multiples. The repair code is fastest on multiples of 64.
	Unit = 64

	// maxBlockData is the most data segments in one block. It leaves a quarter of maxShards for parity. One block for the
	// whole frame repairs best, but costs more the larger it is. Frames with more segments are spread over several blocks.
	maxBlockData = 192

	// minStride is the least size of segments if a frame has more than one. Frames are cut into segments of MinSegmentSize
	// or more, and then evened out.
	minStride = 256

	// maxBlocks is the largest number that fits the blocks field.
	maxBlocks = 255
)

// A layout is how a frame is divided into segments and blocks. Every datagram carries the frame's length, the number of
// blocks, and the number k of data segments in each block. From these, sender and receiver derive the same layout.
//
// The frame is cut at multiples of stride into segments 0, 1, 2, … Only the last one may be shorter than stride. Segment i
// belongs to block i mod blocks. So neighbours on the wire are in different blocks, which share a burst of losses. The
// blocks together may have room for more segments than the frame has. The rest are all zeros: they take part in the repair
// code, but are not sent.
type layout struct {
	length int // of the frame, in bytes
	blocks int
	data   int // data segments in each block, k
	stride int // bytes in each segment, a multiple of Unit
}

// newLayout spreads length bytes evenly over the fewest segments. segmentSize is the most bytes in one, a multiple of Unit.
// The error is ErrFrameSize.
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

// layoutOf is the layout for three numbers from a datagram. Each must be at least 1.
func layoutOf(length, blocks, data int) layout {
	stride := ceilDiv(ceilDiv(length, blocks*data), Unit) * Unit
	return layout{length: length, blocks: blocks, data: data, stride: stride}
}

// usual reports whether a sender makes such a layout: see newLayout. It makes the fewest blocks, and spreads the segments
// evenly over them.
func (l layout) usual() bool {
	n := l.segments()
	return l.blocks == ceilDiv(n, maxBlockData) && l.data == ceilDiv(n, l.blocks) && (n == 1 || l.stride >= minStride)
}

// segments is how many segments hold bytes of the frame.
func (l layout) segments() int { return ceilDiv(l.length, l.stride) }

// blockSegments is how many of these segments a block has: its first ones. The others of its k are all zeros.
func (l layout) blockSegments(block int) int { return ceilDiv(l.segments()-block, l.blocks) }

// rows is how many rows of parity each block can have, at least 1.
func (l layout) rows() int { return maxShards - l.data }

// span returns where in the frame segment i lies.
func (l layout) span(i int) (start, end int) {
	start = i * l.stride
	return start, min(start+l.stride, l.length)
}

// index is the number of the data segment with that block and countdown.
func (l layout) index(block, countdown int) int { return (l.data-countdown)*l.blocks + block }

// name is the block and the countdown of data segment i.
func (l layout) name(i int) (block, countdown int) { return i % l.blocks, l.data - i/l.blocks }

func ceilDiv(a, b int) int { return (a + b - 1) / b }
