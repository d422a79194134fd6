package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"udpcam/protocol"
)

// A snapshot is a file that always holds the newest picture, and always a whole one. Each picture is written to another file
// beside it, which then takes its name. At 30 frames a second this belongs on a RAM disk (/run, /dev/shm), not on flash memory.
type snapshot struct {
	name string
	home *home
}

func openSnapshot(name string, o Options) (Sink, error) {
	if _, err := os.Lstat(name); err == nil && !o.Overwrite {
		return nil, refuse(name, fs.ErrExist)
	}
	// Find out now, not at the first frame, whether the directory can be written.
	if err := errors.Join(o.home.check(), writable(name)); err != nil {
		return nil, refuse(name, err)
	}
	return &sparse{Sink: &snapshot{name, o.home}, o: o}, nil
}

func (s *snapshot) Put(f protocol.Frame) error {
	err := s.home.check()
	var file *os.File
	if err == nil {
		file, err = newTemporary(s.name)
	}
	if err == nil {
		_, err = file.Write(f.JPEG)
		if err = errors.Join(err, file.Close()); err == nil {
			err = os.Rename(file.Name(), s.name)
		}
		if err != nil {
			os.Remove(file.Name())
		}
	}
	if err != nil {
		return fmt.Errorf("cannot replace the picture: %w", err)
	}
	return nil
}

// Close leaves the newest picture where it is.
func (s *snapshot) Close() error { return nil }

// A sparse sink gets one frame in each Options.SnapshotEvery, or all if that is 0.
type sparse struct {
	Sink
	o    Options
	next time.Time // when the next frame is due
}

func (s *sparse) Put(f protocol.Frame) error {
	now := time.Now()
	if now.Before(s.next) {
		s.o.skip(SkipBetween)
		return nil
	}
	// The next is due an interval after this one was due, so that delays do not add up.
	if s.next = s.next.Add(s.o.SnapshotEvery); s.next.Before(now) {
		s.next = now.Add(s.o.SnapshotEvery)
	}
	return s.Sink.Put(f)
}

func (s *sparse) live() bool { return true }

// again returns a sink that goes on replacing the picture.
func (s *sparse) again() (Sink, error) {
	o := s.o
	o.Overwrite = true
	return openSnapshot(s.Sink.(*snapshot).name, o)
}
