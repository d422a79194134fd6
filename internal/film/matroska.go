package film

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/at-wat/ebml-go"
)

// A matroska is a Matroska or WebM file (RFC 9559). The elements that hold others are entered and never left: what follows
// the last element in one is read as if it were inside. So it does not matter whether their sizes are known, which they are
// not if a recording was cut off.
type matroska struct {
	track    uint64
	scale    int64 // nanoseconds of a tick
	clusters int64 // where the first cluster is
}

// A matroskaTrack is a track of which the header has been read.
type matroskaTrack struct {
	number, kind int64
	codec        string
	encoded      bool
}

const (
	matroskaVideo = 1  // TrackType of pictures
	maxCodecID    = 32 // bytes; longer ones are cut
)

func openMatroska(in input) (*Film, error) {
	m := &matroska{scale: int64(time.Millisecond)}
	tracks, err := m.header(in)
	if err != nil {
		return nil, err
	}
	found := ""
	for _, t := range tracks {
		switch {
		case t.kind != matroskaVideo || t.number < 1:
		case t.codec == "V_MJPEG" && t.encoded:
			return nil, fmt.Errorf("%w: its pictures are compressed again; ffmpeg -i OLD -c copy NEW.mkv makes one that is", ErrForm)
		case t.codec == "V_MJPEG":
			m.track = uint64(t.number)
			return &Film{"Matroska", m.pictures, in}, nil
		case found == "":
			found = t.codec
		}
	}
	return nil, foreignCodec(codec(found))
}

// header reads what is before the first cluster.
func (m *matroska) header(in input) (tracks []matroskaTrack, err error) {
	head, err := ElementAt(in, 0)
	if err != nil || head.End < 0 {
		return nil, notRead(damaged(err, 0), ErrCut)
	}
	var last *matroskaTrack
	for at, n := head.End, 0; ; n++ {
		e, err := ElementAt(in, at)
		if err != nil || n > maxBarren {
			return nil, notRead(damaged(err, at), fmt.Errorf("%w before its first picture", ErrCut))
		}
		if at = e.Content; e.Is(ebml.ElementSegment) || e.Is(ebml.ElementInfo) || e.Is(ebml.ElementTracks) {
			continue
		}
		switch {
		case e.Is(ebml.ElementCluster):
			m.clusters = e.Content
			return tracks, nil
		case e.Is(ebml.ElementTrackEntry) && len(tracks) < maxTracks:
			tracks = append(tracks, matroskaTrack{})
			last = &tracks[len(tracks)-1]
			continue
		case e.End < 0 || e.End > in.size:
			return nil, fmt.Errorf("%w before its first picture", ErrCut)
		case e.Is(ebml.ElementTimestampScale):
			m.scale, err = Integer(in, e)
		case last == nil:
		case e.Is(ebml.ElementTrackNumber):
			last.number, err = Integer(in, e)
		case e.Is(ebml.ElementTrackType):
			last.kind, err = Integer(in, e)
		case e.Is(ebml.ElementCodecID):
			id := make([]byte, min(e.End-e.Content, maxCodecID))
			err = in.read(id, e.Content)
			last.codec = strings.TrimRight(string(id), "\x00")
		case e.Is(ebml.ElementCodecPrivate) && last.codec == "V_MS/VFW/FOURCC":
			var format [20]byte // a BITMAPINFOHEADER: its compression is at byte 16
			err = in.read(format[:], e.Content)
			if last.codec = string(format[16:]); isMJPEG(last.codec) {
				last.codec = "V_MJPEG"
			}
		case e.Is(ebml.ElementContentEncodings):
			last.encoded = true
		}
		if err != nil {
			return nil, notRead(err, ErrCut)
		}
		at = e.End
	}
}

// damaged says where a film is damaged, if err says that it is.
func damaged(err error, at int64) error {
	if errors.Is(err, ErrDamaged) || err == nil {
		return fmt.Errorf("%w at byte %d", ErrDamaged, at)
	}
	return err
}

func (m *matroska) pictures(w *walk) error {
	cluster := int64(0) // its time
	for at := m.clusters; at < w.file.size; {
		e, err := ElementAt(w.file, at)
		if err == nil {
			err = w.step()
		}
		if err != nil {
			return notRead(damaged(err, at), ErrCut)
		}
		if e.Is(ebml.ElementCluster) || e.Is(ebml.ElementBlockGroup) || e.Is(ebml.ElementSegment) {
			at = e.Content
			continue
		}
		switch at = e.End; {
		case e.End < 0:
			return damaged(nil, e.Content)
		case e.End > w.file.size:
			return ErrCut
		case e.Is(ebml.ElementTimestamp):
			cluster, err = Integer(w.file, e)
		case e.Is(ebml.ElementSimpleBlock), e.Is(ebml.ElementBlock):
			err = m.block(w, e, cluster)
		}
		if err != nil {
			return notRead(err, ErrCut)
		}
	}
	return nil
}

// block yields the picture of a block (RFC 9559, section 10.1): the track's number, the time after that of the cluster,
// flags, and the picture.
func (m *matroska) block(w *walk, e Element, cluster int64) error {
	var header [8 + 3]byte
	b := header[:min(int64(len(header)), e.End-e.Content)]
	if err := w.file.read(b, e.Content); err != nil {
		return err
	}
	track, err := number(b, 8)
	if err != nil || len(track)+3 > len(b) {
		return fmt.Errorf("%w at byte %d", ErrDamaged, e.Content)
	}
	value := uint64(0)
	for i, c := range track {
		if i == 0 {
			c &^= 1 << (8 - len(track))
		}
		value = value<<8 | uint64(c)
	}
	const lacing = 0x06 // flags of a block that holds several frames, which pictures never do
	if value != m.track || b[len(track)+2]&lacing != 0 {
		return nil
	}
	ticks := float64(cluster) + float64(int16(binary.BigEndian.Uint16(b[len(track):])))
	begin := e.Content + int64(len(track)) + 3
	return w.picture(since(ticks*float64(m.scale), 1e9), begin, e.End-begin)
}
