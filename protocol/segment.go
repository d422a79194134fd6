package protocol

import (
	"crypto/cipher"
	"encoding/binary"
	"hash/crc32"
)

// SegmentHeaderSize is the number of bytes before a segment's payload.
const SegmentHeaderSize = 28

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the CRC-32C (RFC 9260, appendix A) of a whole frame.
func checksum(frame []byte) uint32 { return crc32.Checksum(frame, castagnoli) }

// A segmentHeader is the header of a data or parity segment. It describes the whole frame. So a receiver can begin with any
// datagram of a frame:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|   Countdown   |  Magic 0xCA   |S|Ver=1| Type  |    Stream     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                    Session                    |     Block     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                           Frame ID                            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|    Blocks     |                 Frame length                  |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|    Data k     |   Parity p    |                               |
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
	Parity   uint8  // parity segments of each block that follow the frame's data, without answers to requests, p
	Captured uint64 // a timestamp of 48 bits
	CRC      uint32 // of the frame; 0 if the datagram is sealed, because its tag is stronger
}

func (h *segmentHeader) append(b []byte) []byte {
	b = h.prefix.append(b)
	b = binary.BigEndian.AppendUint32(b, h.FrameID)
	b = binary.BigEndian.AppendUint32(b, uint32(h.Blocks)<<24|h.Length)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Data)<<56|uint64(h.Parity)<<48|h.Captured)
	return binary.BigEndian.AppendUint32(b, h.CRC)
}

// A segment is a data or parity segment that was received. Its fields do not contradict each other: the layout and the index
// are safe to use, and the payload has the length that they say.
type segment struct {
	segmentHeader
	layout  layout
	parity  bool
	repair  bool   // whether it answers a request
	index   int    // the number of a data segment in the frame, or the row of a parity segment
	payload []byte // a part of the datagram
	sealed  []byte // the whole datagram if payload is still encrypted, else nil
}

// parseSegment reads the segment in datagram b, whose prefix is p. The error is ErrMalformed.
func parseSegment(p prefix, b []byte) (s segment, err error) {
	if len(b) <= SegmentHeaderSize {
		return s, ErrMalformed
	}
	lengths, times := binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint64(b[16:])
	s.segmentHeader = segmentHeader{
		prefix:   p,
		FrameID:  binary.BigEndian.Uint32(b[8:]),
		Blocks:   uint8(lengths >> 24),
		Length:   lengths & MaxFrameSize,
		Data:     uint8(times >> 56),
		Parity:   uint8(times >> 48),
		Captured: times & timestampMask,
		CRC:      binary.BigEndian.Uint32(b[24:]),
	}
	if s.Length == 0 || s.Blocks == 0 || s.Data == 0 || s.Block >= s.Blocks || s.Countdown == 0 {
		return s, ErrMalformed
	}
	s.layout = layoutOf(int(s.Length), int(s.Blocks), int(s.Data))
	if !s.layout.usual() {
		return s, ErrMalformed
	}
	s.payload = b[SegmentHeaderSize:]
	if p.Sealed {
		if len(s.payload) <= TagSize || s.CRC != 0 {
			return s, ErrMalformed
		}
		s.sealed, s.payload = b, s.payload[:len(s.payload)-TagSize]
	}
	s.parity, s.repair = p.Type&^typeRepair == typeParity, p.Type&typeRepair != 0
	first, limit, size := int(s.Parity), int(s.Data), s.layout.stride
	if s.parity {
		limit = s.layout.rows()
		s.index = limit - int(s.Countdown)
	} else {
		s.index = s.layout.index(int(s.Block), int(s.Countdown))
		start, end := s.layout.span(s.index)
		size = end - start
	}
	switch {
	case int(s.Countdown) > limit || len(s.payload) != size,
		first > s.layout.rows(),
		s.parity && !s.repair && s.index >= first: // such a row is only sent as an answer
		return s, ErrMalformed
	}
	return s, nil
}

// open decrypts a sealed segment in place, and reports whether the key is right. The nonce is memory for this call.
func (s *segment) open(segments cipher.AEAD, nonce *[segmentNonceSize]byte) bool {
	b := s.sealed
	segmentNonce(nonce, b)
	_, err := segments.Open(s.payload[:0], nonce[:], b[SegmentHeaderSize:], b[:SegmentHeaderSize])
	s.sealed = nil
	return err == nil
}

// sameFrame reports whether two headers describe the same frame. Their sessions, streams and frame IDs must be equal. The
// amount of parity may differ: a sender may use several networks that need different amounts.
func (h *segmentHeader) sameFrame(o *segmentHeader) bool {
	return h.Length == o.Length && h.CRC == o.CRC && h.Blocks == o.Blocks && h.Data == o.Data &&
		h.Captured == o.Captured
}
