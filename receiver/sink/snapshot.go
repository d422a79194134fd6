package sink

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"udpcam/protocol"
)

// A snapshot is a file that always holds the newest picture, and always a whole one. Each picture is written to another file
// beside it, which then takes its name. At 30 frames a second this belongs on a RAM disk (/run, /dev/shm), not on flash memory.
type snapshot struct{ name, beside string }

func openSnapshot(name string, o Options) (Sink, error) {
	if _, err := os.Stat(name); err == nil && !o.Overwrite {
		return nil, refuse(name, fs.ErrExist)
	}
	beside := filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%d.tmp", filepath.Base(name), os.Getpid()))
	// Find out now, not at the first frame, whether the directory can be written.
	file, err := os.Create(beside)
	if err != nil {
		return nil, refuse(name, err)
	}
	file.Close()
	return &sparse{Sink: &snapshot{name, beside}, o: o}, nil
}

func (s *snapshot) Put(f protocol.Frame) error {
	err := os.WriteFile(s.beside, f.JPEG, 0o666)
	if err == nil {
		err = os.Rename(s.beside, s.name)
	}
	if err != nil {
		return fmt.Errorf("cannot replace the picture: %w", err)
	}
	return nil
}

// Close leaves the newest picture where it is.
func (s *snapshot) Close() error { return os.RemoveAll(s.beside) }

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
