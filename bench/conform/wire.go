package conform

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// The types of datagrams.
const (
	data, parity, announcement, report, request, subscribe, subscribed, skip = 1, 2, 3, 4, 5, 6, 7, 8

	answering = 8 // added to data and parity
)

// A prefix is the first eight bytes of a datagram.
type prefix struct {
	countdown byte
	sealed    bool
	typ       byte
	stream    byte
	session   uint32
	block     byte
}

func (p prefix) bytes() []byte {
	third := 1<<4 | p.typ
	if p.sealed {
		third |= 0x80
	}
	return binary.BigEndian.AppendUint32([]byte{p.countdown, 0xca, third, p.stream}, p.session<<8|uint32(p.block))
}

func parsePrefix(b []byte) (p prefix, err error) {
	if len(b) < 8 || b[1] != 0xca || b[2]>>4&7 != 1 {
		return p, errors.New("it does not begin with the magic byte and version 1")
	}
	word := binary.BigEndian.Uint32(b[4:])
	return prefix{b[0], b[2]&0x80 != 0, b[2] & 15, b[3], word >> 8, byte(word)}, nil
}

// A segment is a data or parity segment.
type segment struct {
	prefix
	frame    uint32
	blocks   int
	length   int
	k, p     int
	captured uint64
	crc      uint32
	payload  []byte // not encrypted
}

const headerSize = 28

func (s segment) header() []byte {
	b := s.prefix.bytes()
	b = binary.BigEndian.AppendUint32(b, s.frame)
	b = binary.BigEndian.AppendUint32(b, uint32(s.blocks)<<24|uint32(s.length))
	b = binary.BigEndian.AppendUint64(b, uint64(s.k)<<56|uint64(s.p)<<48|s.captured)
	return binary.BigEndian.AppendUint32(b, s.crc)
}

func parseSegment(b []byte) (s segment, err error) {
	if s.prefix, err = parsePrefix(b); err != nil || len(b) < headerSize {
		return s, errors.Join(err, errors.New("it is shorter than a segment's header"))
	}
	lengths, times := binary.BigEndian.Uint32(b[12:]), binary.BigEndian.Uint64(b[16:])
	s.frame, s.blocks, s.length = binary.BigEndian.Uint32(b[8:]), int(lengths>>24), int(lengths&0xffffff)
	s.k, s.p, s.captured = int(times>>56), int(times>>48&0xff), times&(1<<48-1)
	s.crc, s.payload = binary.BigEndian.Uint32(b[24:]), b[headerSize:]
	return s, nil
}

func (s segment) isParity() bool { return s.typ&^answering == parity }

// row is the row of a parity segment.
func (s segment) row() int { return 256 - s.k - int(s.countdown) }

// index is the number of a data segment in its frame.
func (s segment) index() int { return (s.k-int(s.countdown))*s.blocks + int(s.block) }

// A layout is how a frame is cut.
type layout struct{ length, n, blocks, k, stride int }

func layoutOf(length, size int) layout {
	n := ceil(length, size)
	blocks := ceil(n, 192)
	k := ceil(n, blocks)
	stride := ceil(ceil(length, blocks*k), 64) * 64
	return layout{length, ceil(length, stride), blocks, k, stride}
}

func ceil(a, b int) int { return (a + b - 1) / b }

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// cut makes the segments of a frame: its data, then parity of the first p rows.
func cut(jpeg []byte, l layout, first segment) (all []segment) {
	first.blocks, first.k, first.length, first.crc = l.blocks, l.k, l.length, checksum(jpeg)
	for i := range l.n {
		s := first
		s.typ, s.block, s.countdown = data, byte(i%l.blocks), byte(l.k-i/l.blocks)
		s.payload = jpeg[i*l.stride : min((i+1)*l.stride, l.length)]
		all = append(all, s)
	}
	for j := range first.p {
		for b := range l.blocks {
			all = append(all, parityOf(jpeg, l, first, b, j))
		}
	}
	return all
}

// parityOf makes one parity segment.
func parityOf(jpeg []byte, l layout, s segment, block, row int) segment {
	s.blocks, s.k, s.length, s.crc = l.blocks, l.k, l.length, checksum(jpeg)
	s.typ, s.block, s.countdown = parity, byte(block), byte(256-l.k-row)
	s.payload = make([]byte, l.stride)
	for c := range l.k {
		factor := inverse(byte((l.k + row) ^ c))
		at := (c*l.blocks + block) * l.stride
		if at >= l.length {
			continue
		}
		for i, v := range jpeg[at:min(at+l.stride, l.length)] {
			s.payload[i] ^= multiply(factor, v)
		}
	}
	return s
}

// The field GF(2⁸) modulo x⁸ + x⁴ + x³ + x² + 1.
var (
	exponentials [510]byte
	logarithms   [256]int
)

func init() {
	for i, v := 0, 1; i < 255; i++ {
		exponentials[i], exponentials[i+255], logarithms[v] = byte(v), byte(v), i
		if v <<= 1; v > 255 {
			v ^= 0x11d
		}
	}
}

func multiply(a, b byte) byte {
	if a == 0 || b == 0 {
		return 0
	}
	return exponentials[logarithms[a]+logarithms[b]]
}

func inverse(a byte) byte { return exponentials[255-logarithms[a]] }

// A clockEcho has timestamps of 48 bits.
type clockEcho struct {
	sent, echo uint64
	held       uint32
}

func stamp(t time.Time) uint64 { return uint64(t.UnixMicro()) & (1<<48 - 1) }

func (c clockEcho) append(b []byte) []byte {
	b = append(b, byte(c.sent>>40), byte(c.sent>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(c.sent))
	b = append(b, byte(c.echo>>40), byte(c.echo>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(c.echo))
	return binary.BigEndian.AppendUint32(b, c.held)
}

func parseEcho(b []byte) clockEcho {
	return clockEcho{binary.BigEndian.Uint64(b) >> 16, binary.BigEndian.Uint64(b[4:]) & (1<<48 - 1),
		binary.BigEndian.Uint32(b[12:])}
}

// An announced is an announcement without its first eight bytes.
type announced struct {
	width, height int
	milliFPS      uint32
	newest        uint32
	echo          clockEcho
	name          string
	more          []byte // what follows the name
}

func (a announced) bytes() []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(a.width))
	b = binary.BigEndian.AppendUint16(b, uint16(a.height))
	b = binary.BigEndian.AppendUint32(b, a.milliFPS)
	b = binary.BigEndian.AppendUint32(b, a.newest)
	b = append(a.echo.append(b), byte(len(a.name)))
	return append(append(b, a.name...), a.more...)
}

func parseAnnounced(b []byte) (a announced, err error) {
	if len(b) < 29 || len(b) < 29+int(b[28]) {
		return a, errors.New("an announcement is cut short")
	}
	end := 29 + int(b[28])
	return announced{int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:])), binary.BigEndian.Uint32(b[4:]),
		binary.BigEndian.Uint32(b[8:]), parseEcho(b[12:]), string(b[29:end]), b[end:]}, nil
}

// A reported is a report without its first eight bytes.
type reported struct {
	echo          clockEcho
	largest, late int
	age           time.Duration
	trains        []train
}

// A train has times in microseconds.
type train struct {
	frame                   uint32
	first                   uint64
	came                    int
	took, span              uint32
	lost1, lost2, runs, pad int
}

func (r reported) bytes() []byte {
	b := r.echo.append(nil)
	b = binary.BigEndian.AppendUint16(b, uint16(r.largest))
	b = binary.BigEndian.AppendUint16(b, uint16(r.late))
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.trains))<<24|uint32(r.age.Milliseconds()))
	for _, t := range r.trains {
		b = binary.BigEndian.AppendUint32(b, t.frame)
		b = binary.BigEndian.AppendUint64(b, t.first<<16|uint64(t.came))
		b = binary.BigEndian.AppendUint32(b, t.took)
		b = binary.BigEndian.AppendUint32(b, t.span)
		for _, n := range []int{t.lost1, t.lost2, t.runs, 0} {
			b = binary.BigEndian.AppendUint16(b, uint16(n))
		}
	}
	return b
}

func parseReported(b []byte) (r reported, err error) {
	if len(b) < 24 || b[20] > 8 || len(b) < 24+28*int(b[20]) {
		return r, errors.New("a report is cut short, or has more than 8 trains")
	}
	half := func(at int) int { return int(binary.BigEndian.Uint16(b[at:])) }
	r = reported{echo: parseEcho(b), largest: half(16), late: half(18),
		age: time.Duration(binary.BigEndian.Uint32(b[20:])&(1<<24-1)) * time.Millisecond}
	for at := 24; at < 24+28*int(b[20]); at += 28 {
		r.trains = append(r.trains, train{binary.BigEndian.Uint32(b[at:]), binary.BigEndian.Uint64(b[at+4:]) >> 16, half(at + 10),
			binary.BigEndian.Uint32(b[at+12:]), binary.BigEndian.Uint32(b[at+16:]), half(at + 20), half(at + 22),
			half(at + 24), half(at + 26)})
	}
	return r, nil
}

// A requested is a request. Its block is in the prefix.
type requested struct {
	block   byte
	frame   uint32
	need, k int
	missing []int // data segments of the block
}

func (r requested) bytes() []byte {
	b := binary.BigEndian.AppendUint32(nil, r.frame)
	b = append(b, byte(r.need), byte(r.k), 0, 0)
	bits := make([]byte, ceil(r.k, 8))
	for _, j := range r.missing {
		bits[j/8] |= 0x80 >> (j % 8)
	}
	return append(b, bits...)
}

func parseRequested(block byte, b []byte) (r requested, err error) {
	if len(b) < 8 || len(b) < 8+ceil(int(b[5]), 8) || b[4] > b[5] || (b[4] == 0) != (b[5] == 0) {
		return r, errors.New("a request is cut short, or its need does not fit its k")
	}
	r = requested{block, binary.BigEndian.Uint32(b), int(b[4]), int(b[5]), nil}
	for j := range 8 * ceil(r.k, 8) {
		if b[8+j/8]&(0x80>>(j%8)) != 0 {
			r.missing = append(r.missing, j)
		}
	}
	return r, nil
}
