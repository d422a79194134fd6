package sink

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/at-wat/ebml-go"

	"udpcam/protocol"
)

// An element of a film, as its header says.
type element struct {
	id           string // its bytes
	content, end int64  // offsets; end is -1 if the size is unknown
}

func (e element) is(t ebml.ElementType) bool { return e.id == string(t.Bytes()) }

// elementAt reads the header of an element. It returns io.EOF if the file ends before it does, and ErrDamaged if there is
// none.
func elementAt(file io.ReaderAt, at int64) (e element, err error) {
	var header [4 + 8]byte
	n, err := file.ReadAt(header[:], at)
	if err != nil && err != io.EOF {
		return e, err
	}
	id, err := number(header[:n], 4)
	if err != nil {
		return e, err
	}
	size, err := number(header[len(id):n], 8)
	if err != nil {
		return e, err
	}
	e = element{id: string(id), content: at + int64(len(id)+len(size)), end: -1}
	value := [8]byte{}
	copy(value[8-len(size):], size)
	if n := binary.BigEndian.Uint64(value[:]) &^ (1 << (7 * len(size))); n != 1<<(7*len(size))-1 {
		e.end = e.content + int64(n)
	}
	return e, nil
}

// number returns the number of variable length (RFC 8794, section 4) at the beginning of b.
func number(b []byte, longest int) ([]byte, error) {
	if len(b) == 0 {
		return nil, io.EOF
	}
	n := bits.LeadingZeros8(b[0]) + 1
	if n > longest {
		return nil, ErrDamaged
	}
	if n > len(b) {
		return nil, io.EOF
	}
	return b[:n], nil
}

// maxInfo is the most bytes that the Info of a film has. It stops a file from filling the memory.
const maxInfo = 1 << 12

// survey reads a film of udpcam. It returns what its writer knew at the end, and the offset behind the last whole frame. The
// film is nil if it was finished, or, if copies are left alone, if it was once.
func survey(file io.ReaderAt, size int64, leaveCopies bool) (m *matroska, end int64, err error) {
	head, err := elementAt(file, 0)
	if err != nil || !head.is(ebml.ElementEBML) || head.end < 0 || head.end > maxInfo {
		return nil, 0, ErrForeign
	}
	segment, err1 := elementAt(file, head.end)
	room, err2 := elementAt(file, segment.content)
	info, err3 := elementAt(file, room.end)
	if errors.Join(err1, err2, err3) != nil ||
		!segment.is(ebml.ElementSegment) || segment.content != head.end+idSize+sizeSize ||
		!room.is(ebml.ElementVoid) && !room.is(ebml.ElementSeekHead) || room.end != segment.content+seekHeadSize ||
		!info.is(ebml.ElementInfo) || info.end < info.content+durationSize || info.end-info.content > maxInfo {
		return nil, 0, ErrForeign
	}
	text := make([]byte, info.end-info.content)
	var about struct{ MuxingApp string }
	if _, err := file.ReadAt(text, info.content); err != nil {
		return nil, 0, ErrForeign
	}
	if ebml.Unmarshal(bytes.NewReader(text), &about); about.MuxingApp != muxer {
		return nil, 0, ErrForeign
	}
	if segment.end == size && room.is(ebml.ElementSeekHead) || segment.end >= 0 && leaveCopies {
		return nil, size, nil
	}
	m = &matroska{segment: segment.content, duration: info.end - durationSize}
	length, err1 := elementAt(file, m.duration)
	tracks, err2 := elementAt(file, info.end)
	if errors.Join(err1, err2) != nil || length.end != info.end || tracks.end > size || tracks.end < info.end {
		return nil, 0, fmt.Errorf("%w: its beginning is cut off", ErrDamaged)
	}
	end, err = m.surveyClusters(file, tracks.end, size)
	if err != nil {
		return nil, 0, err
	}
	if len(m.cues) == 0 {
		return nil, 0, fmt.Errorf("%w: it has no whole picture", ErrDamaged)
	}
	return m, end, nil
}

// surveyClusters reads the clusters of a film, from an offset on. It returns the offset behind the last whole frame.
func (m *matroska) surveyClusters(file io.ReaderAt, at, size int64) (end int64, err error) {
	var cluster element
	var began, clusterAt int64
	lastKnown := false
	for end = at; at < size; {
		e, err := elementAt(file, at)
		inside := err == nil && e.end >= 0 && e.end <= size
		switch {
		case err == nil && e.is(ebml.ElementCluster) && e.content == at+idSize+sizeSize:
			cluster, clusterAt, at = e, at, e.content
		case err == nil && e.is(ebml.ElementCues) && (e.end < 0 || e.end >= size):
			return end, nil // it was not finished, or was cut off later
		case inside && clusterAt > 0 && e.is(ebml.ElementTimestamp):
			if began, err = integerAt(file, e); err != nil {
				return end, err
			}
			at = e.end
			if next, err := elementAt(file, cluster.end); cluster.end >= at && err == nil && next.is(ebml.ElementCluster) {
				m.beginCluster(clusterAt, began) // it is finished
				lastKnown = false
				end, at = cluster.end, cluster.end
			}
		case inside && clusterAt > 0 && e.is(ebml.ElementSimpleBlock) && e.end-e.content > blockHeaderSize:
			var header [blockHeaderSize]byte
			if _, err := file.ReadAt(header[:], e.content); err != nil {
				return end, err
			}
			if m.cluster != clusterAt {
				m.beginCluster(clusterAt, began)
			}
			ticks := max(m.clock.last, began+int64(binary.BigEndian.Uint16(header[1:])))
			if m.clock.step = 0; lastKnown {
				m.clock.step = ticks - m.clock.last
			}
			m.clock.last, lastKnown = ticks, true
			end, at = e.end, e.end
		default:
			return end, unfinished(file, at, size, err)
		}
	}
	return end, nil
}

// integerAt returns the value of an element, which has 8 bytes at most.
func integerAt(file io.ReaderAt, e element) (int64, error) {
	var value [8]byte
	n := e.end - e.content
	if n > int64(len(value)) {
		return 0, fmt.Errorf("%w at byte %d", ErrDamaged, e.content)
	}
	_, err := file.ReadAt(value[int64(len(value))-n:], e.content)
	return int64(binary.BigEndian.Uint64(value[:]) &^ (1 << 63)), err
}

// unfinished returns nil if what is at an offset can be the beginning of what was written last, and nothing is behind it.
// The error is that of reading an element there, nil if it is one that does not belong there or goes beyond the file's end.
func unfinished(file io.ReaderAt, at, size int64, err error) error {
	const most = protocol.MaxFrameSize + 1<<10 // a frame, with what is before it
	e, _ := elementAt(file, at)
	block := e.is(ebml.ElementSimpleBlock) || e.is(ebml.ElementTimestamp)
	switch {
	case err == io.EOF, err == nil && block && e.end > size && size-at <= most:
		return nil
	case errors.Is(err, ErrDamaged) && size-at <= most: // after a power cut, some disks have zeros there
		rest := make([]byte, size-at)
		if _, err := file.ReadAt(rest, at); err == nil && len(bytes.Trim(rest, "\x00")) == 0 {
			return nil
		}
	case err != nil && !errors.Is(err, ErrDamaged):
		return err
	}
	return fmt.Errorf("%w at byte %d of %d: ffmpeg -i OLD.mkv -c copy NEW.mkv saves what can be read", ErrDamaged, at, size)
}
