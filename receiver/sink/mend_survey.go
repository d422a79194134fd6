package sink

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/at-wat/ebml-go"

	"udpcam/internal/film"
	"udpcam/protocol"
)

// maxInfo is the most bytes that the Info of a film has. It stops a file from filling the memory.
const maxInfo = 1 << 12

// survey reads a film of udpcam. It returns what its writer knew at the end, and the offset behind the last whole frame. The
// film is nil if it was finished, or, if copies are left alone, if it was once.
func survey(file io.ReaderAt, size int64, leaveCopies bool) (m *matroska, end int64, err error) {
	head, err := film.ElementAt(file, 0)
	if err != nil || !head.Is(ebml.ElementEBML) || head.End < 0 || head.End > maxInfo {
		return nil, 0, ErrForeign
	}
	segment, err1 := film.ElementAt(file, head.End)
	room, err2 := film.ElementAt(file, segment.Content)
	info, err3 := film.ElementAt(file, room.End)
	if errors.Join(err1, err2, err3) != nil ||
		!segment.Is(ebml.ElementSegment) || segment.Content != head.End+idSize+sizeSize ||
		!room.Is(ebml.ElementVoid) && !room.Is(ebml.ElementSeekHead) || room.End != segment.Content+seekHeadSize ||
		!info.Is(ebml.ElementInfo) || info.End < info.Content+durationSize || info.End-info.Content > maxInfo {
		return nil, 0, ErrForeign
	}
	text := make([]byte, info.End-info.Content)
	var about struct{ MuxingApp string }
	if _, err := file.ReadAt(text, info.Content); err != nil {
		return nil, 0, ErrForeign
	}
	if ebml.Unmarshal(bytes.NewReader(text), &about); about.MuxingApp != muxer {
		return nil, 0, ErrForeign
	}
	if segment.End == size && room.Is(ebml.ElementSeekHead) || segment.End >= 0 && leaveCopies {
		return nil, size, nil
	}
	m = &matroska{segment: segment.Content, duration: info.End - durationSize}
	length, err1 := film.ElementAt(file, m.duration)
	tracks, err2 := film.ElementAt(file, info.End)
	if errors.Join(err1, err2) != nil || length.End != info.End || tracks.End > size || tracks.End < info.End {
		return nil, 0, fmt.Errorf("%w: its beginning is cut off", ErrDamaged)
	}
	end, err = m.surveyClusters(file, tracks.End, size)
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
	var cluster film.Element
	var began, clusterAt int64
	lastKnown := false
	for end = at; at < size; {
		e, err := film.ElementAt(file, at)
		inside := err == nil && e.End >= 0 && e.End <= size
		switch {
		case err == nil && e.Is(ebml.ElementCluster) && e.Content == at+idSize+sizeSize:
			cluster, clusterAt, at = e, at, e.Content
		case err == nil && e.Is(ebml.ElementCues) && (e.End < 0 || e.End >= size):
			return end, nil // it was not finished, or was cut off later
		case inside && clusterAt > 0 && e.Is(ebml.ElementTimestamp):
			if began, err = film.Integer(file, e); err != nil {
				return end, err
			}
			at = e.End
			if next, err := film.ElementAt(file, cluster.End); cluster.End >= at && err == nil && next.Is(ebml.ElementCluster) {
				m.beginCluster(clusterAt, began) // it is finished
				lastKnown = false
				end, at = cluster.End, cluster.End
			}
		case inside && clusterAt > 0 && e.Is(ebml.ElementSimpleBlock) && e.End-e.Content > blockHeaderSize:
			var header [blockHeaderSize]byte
			if _, err := file.ReadAt(header[:], e.Content); err != nil {
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
			end, at = e.End, e.End
		default:
			return end, unfinished(file, at, size, err)
		}
	}
	return end, nil
}

// unfinished returns nil if what is at an offset can be the beginning of what was written last, and nothing is behind it.
// The error is that of reading an element there, nil if it is one that does not belong there or goes beyond the file's end.
func unfinished(file io.ReaderAt, at, size int64, err error) error {
	const most = protocol.MaxFrameSize + 1<<10 // a frame, with what is before it
	e, _ := film.ElementAt(file, at)
	block := e.Is(ebml.ElementSimpleBlock) || e.Is(ebml.ElementTimestamp)
	switch {
	case err == io.EOF, err == nil && block && e.End > size && size-at <= most:
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
