package sink

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"
	"time"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A matroska lays JPEGs out as a Matroska file (RFC 9559; EBML is RFC 8794), so that each keeps its capture time:
//
//	EBML header, Segment of unknown size
//	  room for a SeekHead
//	  Info with room for a Duration, Tracks
//	  Cluster, about a second of frames: Timestamp, SimpleBlock, SimpleBlock, …
//	  Cluster …
//	  Cues
//
// A size that is not known yet is marked as unknown. Players understand that, so the file can be played even if its writer
// is killed. When a cluster ends, its size is filled in. At the end all the rest is filled in, so that players can seek.
//
// ebml-go encodes the elements. Its block writer is not used: it copies each picture three times, and cannot say which ones
// are in the file when the disk is full.
type matroska struct {
	segment  int64           // offset of the Segment's content
	duration int64           // offset of the room for the Duration
	cluster  int64           // offset of the present cluster, 0 before the first
	began    int64           // when the cluster began, in ticks
	cues     []webm.CuePoint // one for each cluster
	clock    filmClock
}

// A filmFile is the file that a film is in.
type filmFile interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
}

// tick is the unit of all times in the file.
const tick = time.Millisecond

// muxer is the name by which a film says that udpcam has recorded it.
const muxer = "udpcam"

const (
	clusterTicks = 1000    // how long a cluster is at least
	clusterBytes = 8 << 20 // a cluster that gets larger ends earlier
)

// Sizes in bytes.
const (
	seekHeadSize    = 26
	durationSize    = 11
	idSize          = 4 // of a Segment and of a Cluster
	sizeSize        = 8 // of a size that is filled in later
	voidHeaderSize  = 2
	blockHeaderSize = 4
)

// before returns the bytes to write before a frame that begins at an offset. If a new cluster begins, it fills in the size
// of the last one.
func (m *matroska) before(file filmFile, f protocol.Frame, at int64) (b []byte, err error) {
	if m.cluster == 0 {
		size, _ := mjpeg.Size(f.JPEG) // players find out for themselves
		b = m.header(f.Stream, size, f.Captured)
	}
	ticks := m.clock.read(f.Captured, time.Now())
	if m.cluster == 0 || ticks-m.began >= clusterTicks || at-m.cluster+int64(len(f.JPEG)) > clusterBytes {
		if m.cluster != 0 {
			err = fillIn(file, m.cluster+idSize, at)
		}
		m.beginCluster(at+int64(len(b)), ticks)
		type cluster struct{ Timestamp uint64 }
		b = append(b, marshal(&struct {
			Cluster cluster `ebml:"Cluster,size=unknown"`
		}{cluster{uint64(ticks)}})...)
	}
	b = appendSize(append(b, ebml.ElementSimpleBlock.Bytes()...), int64(blockHeaderSize+len(f.JPEG)))
	b = append(b, 0x80|1) // the track
	b = binary.BigEndian.AppendUint16(b, uint16(ticks-m.began))
	return append(b, 0x80), err // a key frame
}

// beginCluster notes that a cluster begins at an offset and a time.
func (m *matroska) beginCluster(at, ticks int64) {
	m.cluster, m.began = at, ticks
	m.cues = append(m.cues, webm.CuePoint{CueTime: uint64(ticks), CueTrackPositions: []webm.CueTrackPosition{
		{CueTrack: 1, CueClusterPosition: uint64(at - m.segment)},
	}})
}

// header returns what the file begins with.
func (m *matroska) header(title string, size image.Point, began time.Time) []byte {
	type info struct {
		TimestampScale        uint64
		MuxingApp, WritingApp string
		Title                 string
		DateUTC               time.Time
		Void                  []byte // the last, so that the Duration can take its place
	}
	type segment struct {
		Void []byte // for the SeekHead
		Info info
	}
	ebmlHeader := *webm.DefaultEBMLHeader
	ebmlHeader.DocType = "matroska"
	b := marshal(&struct{ EBML webm.EBMLHeader }{ebmlHeader})
	m.segment = int64(len(b)) + idSize + sizeSize
	b = append(b, marshal(&struct {
		Segment segment `ebml:"Segment,size=unknown"`
	}{segment{
		Void: make([]byte, seekHeadSize-voidHeaderSize),
		Info: info{uint64(tick), muxer, muxer, title, began, make([]byte, durationSize-voidHeaderSize)},
	}})...)
	m.duration = int64(len(b)) - durationSize
	return append(b, marshal(&struct{ Tracks webm.Tracks }{webm.Tracks{TrackEntry: []webm.TrackEntry{{
		TrackNumber: 1, TrackUID: 1, TrackType: 1, CodecID: "V_MJPEG",
		Video: &webm.Video{PixelWidth: uint64(size.X), PixelHeight: uint64(size.Y)},
	}}}})...)
}

// fillIn fills in the size field at an offset. The field belongs to an element that ends at another offset.
func fillIn(file filmFile, at, end int64) error {
	_, err := file.WriteAt(appendSize(nil, end-at-sizeSize), at)
	return err
}

// finish writes the elements behind the last frame, which ends at an offset. Then it fills in the values that were not
// known before.
func (m *matroska) finish(file filmFile, at int64) error {
	tail := marshal(&struct{ Cues webm.Cues }{webm.Cues{CuePoint: m.cues}})
	if _, err := file.WriteAt(tail, at); err != nil {
		file.Truncate(at) // without it the film plays too, but seeking is slower
		return err
	}
	type seek struct {
		SeekID       []byte
		SeekPosition uint64 `ebml:"SeekPosition,size=8"` // so that the room fits
	}
	type seekHead struct{ Seek seek }
	head := marshal(&struct{ SeekHead seekHead }{seekHead{seek{ebml.ElementCues.Bytes(), uint64(at - m.segment)}}})
	length := marshal(&struct{ Duration float64 }{float64(m.clock.end())})
	err := fillIn(file, m.cluster+idSize, at)
	if err == nil {
		_, err = file.WriteAt(head, m.segment)
	}
	if err == nil {
		_, err = file.WriteAt(length, m.duration)
	}
	if err == nil {
		err = fillIn(file, m.segment-sizeSize, at+int64(len(tail)))
	}
	return err
}

// marshal encodes elements. That cannot fail: all their types are in this file.
func marshal(elements any) []byte {
	var b bytes.Buffer
	ebml.Marshal(elements, &b)
	return b.Bytes()
}

// appendSize appends a size in eight bytes, which can be filled in later.
func appendSize(b []byte, size int64) []byte {
	return binary.BigEndian.AppendUint64(b, 1<<56|uint64(size))
}

// A filmClock turns capture times into film times. Film times begin at 0 and always grow.
type filmClock struct {
	captured, came time.Time     // of the last frame
	exact          time.Duration // its time, before it is rounded
	last, step     int64         // its time, and the time since the frame before, in ticks
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
	if captured.IsZero() || (step-waited).Abs() > maxStray {
		step = waited // somebody has set the sender's clock, or this is another sender
	}
	c.exact = max(c.exact+step, c.exact) // without rounding, which would add up
	next := max(c.last+1, int64(c.exact.Round(tick)/tick))
	c.step, c.last = next-c.last, next
	c.captured, c.came = captured, came
	return c.last
}

// end returns when the film is over.
func (c *filmClock) end() int64 { return c.last + max(1, c.step) }
