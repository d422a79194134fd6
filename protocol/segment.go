package protocol

import (
	"encoding/binary"
	"hash/crc32"
)

// SegmentHeaderSize is how many bytes stand before a segment's payload.
const SegmentHeaderSize = 28

// AuthTagSize is the room, in bytes, that the default segment size leaves for an authentication tag to come.
const AuthTagSize = 16

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the CRC-32C (RFC 9260, appendix A) of a whole frame.
func checksum(frame []byte) uint32 { return crc32.Checksum(frame, castagnoli) }

// A segmentHeader stands before the payload of a data segment. It describes its frame whole, so that any datagram of a
// frame may be lost, late or first:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|   Countdown   |  Magic 0xCA   | Ver=1 | Type=1|    Stream     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                    Session                    |     Block     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                           Frame ID                            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|    Blocks     |                 Frame length                  |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|    Data k     |   Parity m    |                               |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+         Capture time          +
//	|                                                               |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                    CRC-32C of the whole frame                 |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type segmentHeader struct {
	prefix
	FrameID  uint32
	Blocks   uint8
	Length   uint32 // of the frame in bytes, 24 bits
	Data     uint8  // data segments in each block, k
	Parity   uint8  // parity segments of each block's code, m
	Captured uint64 // a timestamp, 48 bits
	CRC      uint32
}

func (h *segmentHeader) append(b []byte) []byte {
	b = h.prefix.append(b)
	b = binary.BigEndian.AppendUint32(b, h.FrameID)
	b = binary.BigEndian.AppendUint32(b, uint32(h.Blocks)<<24|h.Length)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Data)<<56|uint64(h.Parity)<<48|h.Captured)
	return binary.BigEndian.AppendUint32(b, h.CRC)
}

// parseSegment reads the data segment in datagram b, whose prefix is p, and checks it as far as one datagram can be:
// afterwards layout and index are safe to use, and the payload, a part of b, is as long as they say.
func parseSegment(p prefix, b []byte) (h segmentHeader, l layout, index int, payload []byte, err error) {
	if len(b) < SegmentHeaderSize {
		return h, l, 0, nil, ErrMalformed
	}
	lengths, times := binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint64(b[16:])
	h = segmentHeader{
		prefix:   p,
		FrameID:  binary.BigEndian.Uint32(b[8:]),
		Blocks:   uint8(lengths >> 24),
		Length:   lengths & MaxFrameSize,
		Data:     uint8(times >> 56),
		Parity:   uint8(times >> 48),
		Captured: times & timestampMask,
		CRC:      binary.BigEndian.Uint32(b[24:]),
	}
	if h.Length == 0 || h.Blocks == 0 || h.Data == 0 || h.Block >= h.Blocks || h.Countdown == 0 || h.Countdown > h.Data {
		return h, l, 0, nil, ErrMalformed
	}
	l = layoutOf(int(h.Length), int(h.Blocks), int(h.Data))
	index = l.index(int(h.Block), int(h.Countdown))
	start, end := l.span(index)
	payload = b[SegmentHeaderSize:]
	if len(payload) == 0 || len(payload) != end-start {
		return h, l, 0, nil, ErrMalformed
	}
	return h, l, index, payload, nil
}

// sameFrame reports whether two datagrams that claim the same session, stream and frame ID describe the same frame.
func (h *segmentHeader) sameFrame(o *segmentHeader) bool {
	return h.Length == o.Length && h.CRC == o.CRC && h.Blocks == o.Blocks && h.Data == o.Data &&
		h.Parity == o.Parity && h.Captured == o.Captured
}
