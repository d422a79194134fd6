package sink

import (
	"encoding/binary"
	"image"
	"math"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A matroska sets JPEGs into a Matroska file (RFC 9559; EBML is RFC 8794), so that each keeps its time of capture. It only
// says which bytes go where: a recording writes them.
//
//	EBML header, Segment of unknown size
//	  room for a SeekHead
//	  Info with room for a Duration, Tracks
//	  Cluster, about a second of frames: Timestamp, SimpleBlock, SimpleBlock, …
//	  Cluster …
//	  Cues
//
// Sizes that are not known yet are said to be unknown, which players understand; so what is there can be played whenever
// the writing ends. When a cluster is over its size is filled in, and at the end the rest, for players to seek by.
type matroska struct {
	segment  int64 // where the Segment's content begins, in the file
	duration int64 // where the room for the Duration is
	cluster  int64 // where the present cluster begins, 0 if there is none
	began    int64 // its time in ticks
	cues     []cue
	clock    filmClock
}

type cue struct{ time, at int64 } // in ticks, and where its cluster begins

// A patch is bytes that take the place of others.
type patch struct {
	at    int64
	bytes []byte
}

// tick is the unit of all times in the file.
const tick = time.Millisecond

const (
	clusterTicks = 1000    // how long a cluster is at least
	clusterBytes = 8 << 20 // beyond which it ends earlier
)

// Element IDs, RFC 9559, section 5.
const (
	idEBML, idEBMLVersion, idEBMLReadVersion           = 0x1A45DFA3, 0x4286, 0x42F7
	idEBMLMaxIDLength, idEBMLMaxSizeLength             = 0x42F2, 0x42F3
	idDocType, idDocTypeVersion, idDocTypeReadVersion  = 0x4282, 0x4287, 0x4285
	idVoid, idSegment                                  = 0xEC, 0x18538067
	idSeekHead, idSeek, idSeekID, idSeekPosition       = 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
	idInfo, idTimestampScale, idDuration, idDateUTC    = 0x1549A966, 0x2AD7B1, 0x4489, 0x4461
	idMuxingApp, idWritingApp, idTitle                 = 0x4D80, 0x5741, 0x7BA9
	idTracks, idTrackEntry, idTrackNumber, idTrackUID  = 0x1654AE6B, 0xAE, 0xD7, 0x73C5
	idTrackType, idFlagLacing, idCodecID               = 0x83, 0x9C, 0x86
	idVideo, idPixelWidth, idPixelHeight               = 0xE0, 0xB0, 0xBA
	idCluster, idTimestamp, idSimpleBlock              = 0x1F43B675, 0xE7, 0xA3
	idCues, idCuePoint, idCueTime                      = 0x1C53BB6B, 0xBB, 0xB3
	idCueTrackPositions, idCueTrack, idClusterPosition = 0xB7, 0xF7, 0xF1
)

// Sizes of what is patched later, in bytes.
const (
	seekHeadSize = 26
	durationSize = 11
	sizeSize     = 8
	unknownSize  = 1<<56 - 1
)

// before returns what goes before a frame, if that begins at an offset, and what changes in what was written.
func (m *matroska) before(f protocol.Frame, at int64) (head []byte, patches []patch) {
	if m.cluster == 0 {
		size, _ := mjpeg.Size(f.JPEG) // players find out for themselves
		head = m.header(f.Stream, size, f.Captured)
	}
	block, patches := m.block(at+int64(len(head)), len(f.JPEG), f.Captured, time.Now())
	return append(head, block...), patches
}

// header returns what the file begins with.
func (m *matroska) header(title string, size image.Point, began time.Time) []byte {
	b := appendElement(nil, idEBML,
		number(idEBMLVersion, 1), number(idEBMLReadVersion, 1), number(idEBMLMaxIDLength, 4),
		number(idEBMLMaxSizeLength, 8), text(idDocType, "matroska"), number(idDocTypeVersion, 4), number(idDocTypeReadVersion, 2))
	b = appendLongSize(appendID(b, idSegment), unknownSize)
	m.segment = int64(len(b))
	b = append(b, void(seekHeadSize)...)

	epoch := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	info := [][]byte{number(idTimestampScale, int64(tick)), text(idMuxingApp, "udpcam"), text(idWritingApp, "udpcam"),
		text(idTitle, title), element(idDateUTC, binary.BigEndian.AppendUint64(nil, uint64(began.Sub(epoch)))), void(durationSize)}
	b = appendElement(b, idInfo, info...)
	m.duration = int64(len(b)) - durationSize
	return appendElement(b, idTracks, element(idTrackEntry,
		number(idTrackNumber, 1), number(idTrackUID, 1), number(idTrackType, 1), number(idFlagLacing, 0),
		text(idCodecID, "V_MJPEG"),
		element(idVideo, number(idPixelWidth, int64(size.X)), number(idPixelHeight, int64(size.Y)))))
}

// block returns what goes before a JPEG of so many bytes, if that begins at an offset, and what is to be patched.
func (m *matroska) block(at int64, size int, captured, now time.Time) (b []byte, patches []patch) {
	ticks := m.clock.read(captured, now)
	if m.cluster == 0 || ticks-m.began >= clusterTicks || at-m.cluster+int64(size) > clusterBytes {
		if m.cluster != 0 {
			patches = append(patches, m.clusterSize(at))
		}
		m.cluster, m.began = at, ticks
		m.cues = append(m.cues, cue{ticks, at})
		b = appendLongSize(appendID(b, idCluster), unknownSize)
		b = append(b, number(idTimestamp, ticks)...)
	}
	b = appendLongSize(appendID(b, idSimpleBlock), uint64(size+4))
	b = append(b, 0x80|1) // the track
	b = binary.BigEndian.AppendUint16(b, uint16(ticks-m.began))
	return append(b, 0x80), patches // a key frame
}

// clusterSize fills in the size of the present cluster, which ends at an offset.
func (m *matroska) clusterSize(end int64) patch {
	at := m.cluster + 4 // behind its ID
	return patch{at, appendLongSize(nil, uint64(end-at-sizeSize))}
}

// finish returns what goes behind the last block, which ends at an offset, and what is to be patched.
func (m *matroska) finish(at int64) (tail []byte, patches []patch) {
	var points [][]byte
	for _, c := range m.cues {
		points = append(points, element(idCuePoint, number(idCueTime, c.time),
			element(idCueTrackPositions, number(idCueTrack, 1), number(idClusterPosition, c.at-m.segment))))
	}
	tail = element(idCues, points...)
	seek := element(idSeekHead, element(idSeek, element(idSeekID, appendID(nil, idCues)),
		element(idSeekPosition, binary.BigEndian.AppendUint64(nil, uint64(at-m.segment)))))
	end := at + int64(len(tail))
	length := element(idDuration, binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(m.clock.end()))))
	return tail, []patch{
		m.clusterSize(at),
		{m.segment, seek},
		{m.duration, length},
		{m.segment - sizeSize, appendLongSize(nil, uint64(end-m.segment))},
	}
}

// A filmClock makes of times of capture those of a film, which begins at 0 and never stands still or goes back.
type filmClock struct {
	captured, came time.Time     // of the last frame
	exact          time.Duration // its time, before it is rounded
	last, step     int64         // its time, and that since the one before, in ticks
	started        bool
}

// maxStray is the largest believed difference between times of capture and of arrival.
const maxStray = 5 * time.Second

func (c *filmClock) read(captured, came time.Time) int64 {
	if !c.started {
		c.captured, c.came, c.started = captured, came, true
		return 0
	}
	step, waited := captured.Sub(c.captured), came.Sub(c.came)
	if stray := step - waited; captured.IsZero() || stray > maxStray || stray < -maxStray {
		step = waited // somebody has set the sender's clock, or it is another sender
	}
	c.exact = max(c.exact+step, c.exact) // so that what rounding takes from one step goes to the next
	next := max(c.last+1, int64(c.exact.Round(tick)/tick))
	c.step, c.last = next-c.last, next
	c.captured, c.came = captured, came
	return c.last
}

// end returns when the film is over.
func (c *filmClock) end() int64 { return c.last + max(1, c.step) }

// appendID appends an element's ID, which has as many bytes as it takes.
func appendID(b []byte, id uint32) []byte {
	switch {
	case id > 0xFFFFFF:
		return binary.BigEndian.AppendUint32(b, id)
	case id > 0xFFFF:
		return append(b, byte(id>>16), byte(id>>8), byte(id))
	case id > 0xFF:
		return binary.BigEndian.AppendUint16(b, uint16(id))
	}
	return append(b, byte(id))
}

// appendLongSize appends a size in eight bytes, which can be patched.
func appendLongSize(b []byte, size uint64) []byte {
	return binary.BigEndian.AppendUint64(b, 1<<56|size)
}

// appendElement appends an element whose content is of those parts.
func appendElement(b []byte, id uint32, parts ...[]byte) []byte {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	b = appendID(b, id)
	if size < 1<<7-1 {
		b = append(b, 0x80|byte(size))
	} else {
		b = appendLongSize(b, uint64(size))
	}
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func element(id uint32, parts ...[]byte) []byte { return appendElement(nil, id, parts...) }

func text(id uint32, s string) []byte { return element(id, []byte(s)) }

// number returns an element that is an unsigned integer, in as many bytes as it takes.
func number(id uint32, n int64) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(n))
	for len(b) > 1 && b[0] == 0 {
		b = b[1:]
	}
	return element(id, b)
}

// void returns an element of n bytes, 2 to 128, that means nothing.
func void(size int) []byte { return element(idVoid, make([]byte, size-2)) }
