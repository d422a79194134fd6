package main_test

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// The attacker makes its datagrams by hand, from protocol/README.md. So it can make what no honest code makes.

// The types of datagrams.
const (
	wireData         = 1
	wireParity       = 2
	wireAnnouncement = 3
	wireReport       = 4
	wireRequest      = 5
)

// tiny is the smallest picture that a receiver hands on: a JPEG's first and last marker.
var tiny = []byte{0xFF, 0xD8, 0xFF, 0xD9}

// A wireSegment has the fields of a data or parity segment.
type wireSegment struct {
	kind, stream, block, countdown byte
	session, frame                 uint32
	blocks, k, p                   byte
	length                         int
	captured                       uint64
	crc                            uint32
	payload                        []byte
}

// wholeFrame is a frame in one segment.
func wholeFrame(session, frame uint32, picture []byte) wireSegment {
	return wireSegment{kind: wireData, session: session, frame: frame, blocks: 1, k: 1, countdown: 1, length: len(picture),
		captured: wireNow(), crc: crc32.Checksum(picture, crc32.MakeTable(crc32.Castagnoli)), payload: picture}
}

func (s wireSegment) bytes() []byte {
	b := wirePrefix(s.kind, s.stream, s.session, s.block, s.countdown)
	b = binary.BigEndian.AppendUint32(b, s.frame)
	b = binary.BigEndian.AppendUint32(b, uint32(s.blocks)<<24|uint32(s.length)&(1<<24-1))
	b = binary.BigEndian.AppendUint64(b, uint64(s.k)<<56|uint64(s.p)<<48|s.captured)
	b = binary.BigEndian.AppendUint32(b, s.crc)
	return append(b, s.payload...)
}

// parseWireSegment reads a data or parity segment.
func parseWireSegment(b []byte) (s wireSegment, ok bool) {
	if len(b) < 28 || b[1] != 0xCA || b[2] != 0x10|wireData && b[2] != 0x10|wireParity {
		return s, false
	}
	sizes, times := binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint64(b[16:])
	return wireSegment{kind: b[2] & 15, stream: b[3], block: b[7], countdown: b[0], session: wireSession(b),
		frame: binary.BigEndian.Uint32(b[8:]), blocks: byte(sizes >> 24), length: int(sizes & (1<<24 - 1)),
		k: byte(times >> 56), p: byte(times >> 48), captured: times & (1<<48 - 1),
		crc: binary.BigEndian.Uint32(b[24:]), payload: b[28:]}, true
}

func wireSession(b []byte) uint32 { return binary.BigEndian.Uint32(b[4:]) >> 8 }

func wirePrefix(kind, stream byte, session uint32, block, countdown byte) []byte {
	return binary.BigEndian.AppendUint32([]byte{countdown, 0xCA, 0x10 | kind, stream}, session<<8|uint32(block))
}

// wireNow is the time as a capture time and a clock echo have it.
func wireNow() uint64 { return uint64(time.Now().UnixMicro()) & (1<<48 - 1) }

// appendWireClock appends a clock echo that answers nothing.
func appendWireClock(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, wireNow()<<16)
	return append(b, make([]byte, 8)...)
}

// wireAnnounce is an announcement of a stream of pictures of 640x480 at 30 fps.
func wireAnnounce(session, newest uint32, name string) []byte {
	b := wirePrefix(wireAnnouncement, 0, session, 0, 0)
	b = binary.BigEndian.AppendUint32(b, 640<<16|480)
	b = binary.BigEndian.AppendUint32(b, 30_000)
	b = binary.BigEndian.AppendUint32(b, newest)
	b = appendWireClock(b)
	return append(append(b, byte(len(name))), name...)
}

// A wireTrain has the fields of a train in a report.
type wireTrain struct {
	frame                   uint32
	came, first, last, runs int // datagrams that came, and that were lost of both halves, and the runs of those
	took                    time.Duration
}

func wireReportOf(session uint32, stream byte, largest, late int, trains ...wireTrain) []byte {
	b := appendWireClock(wirePrefix(wireReport, stream, session, 0, 0))
	b = binary.BigEndian.AppendUint32(b, uint32(largest)<<16|uint32(late))
	const age = 60_000 // milliseconds
	b = binary.BigEndian.AppendUint32(b, uint32(len(trains))<<24|age)
	for _, t := range trains {
		b = binary.BigEndian.AppendUint32(b, t.frame)
		b = binary.BigEndian.AppendUint64(b, wireNow()<<16|uint64(t.came))
		b = binary.BigEndian.AppendUint32(b, uint32(t.took.Microseconds()))
		b = binary.BigEndian.AppendUint32(b, uint32(t.took.Microseconds()))
		for _, n := range []int{t.first, t.last, t.runs, 0} {
			b = binary.BigEndian.AppendUint16(b, uint16(n))
		}
	}
	return b
}

// wireRequestOf asks for a whole frame if k is 0. Else it asks for all k data segments of a block.
func wireRequestOf(session, frame uint32, stream, block, k byte) []byte {
	b := wirePrefix(wireRequest, stream, session, block, 0)
	b = binary.BigEndian.AppendUint32(b, frame)
	b = append(b, k, k, 0, 0)
	for range (int(k) + 7) / 8 {
		b = append(b, 0xFF)
	}
	return b
}

// bomb is a JPEG of 166 bytes that claims to have 8192 × 8192 pixels: tables, a progressive frame, one scan of one block.
func bomb() []byte {
	b := append([]byte{0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0}, make([]byte, 64)...)
	for i := range 64 {
		b[7+i] = 1
	}
	b = append(b, 0xFF, 0xC2, 0, 17, 8, 0x20, 0, 0x20, 0, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0)
	for _, table := range []byte{0x00, 0x10} {
		b = append(b, 0xFF, 0xC4, 0, 20, table, 1)
		b = append(b, make([]byte, 16)...)
	}
	b = append(b, 0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 0, 0)
	b = append(b, make([]byte, 16)...)
	return append(b, 0xFF, 0xD9)
}
