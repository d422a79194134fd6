package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"udpcam/protocol"
)

// A snapshot is a file that always holds the newest picture, and always a whole one: each is written beside it under
// another name and renamed over it. At 30 frames a second this is a load that belongs on a RAM disk (/run, /dev/shm)
// rather than on flash memory.
type snapshot struct {
	name, beside string
	every        interval
	o            Options
}

func openSnapshot(name string, o Options) (*snapshot, error) {
	if _, err := os.Stat(name); err == nil && !o.Overwrite {
		return nil, refuse(name, fs.ErrExist)
	}
	s := &snapshot{
		name:   name,
		beside: filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%d.tmp", filepath.Base(name), os.Getpid())),
		every:  interval{every: o.SnapshotEvery},
		o:      o,
	}
	// A directory that cannot be written is better known now than at the first frame.
	file, err := os.Create(s.beside)
	if err != nil {
		return nil, refuse(name, err)
	}
	file.Close()
	return s, nil
}

// Put implements [Sink].
func (s *snapshot) Put(f protocol.Frame) error {
	if !s.every.due(time.Now()) {
		s.o.skip(SkipBetween)
		return nil
	}
	err := os.WriteFile(s.beside, f.JPEG, 0o666)
	if err == nil {
		err = os.Rename(s.beside, s.name)
	}
	if err != nil {
		return fmt.Errorf("cannot replace the picture: %w", err)
	}
	return nil
}

// Close implements [Sink]. The newest picture stays.
func (s *snapshot) Close() error {
	if err := os.Remove(s.beside); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// live says that only the newest frames matter to whoever looks.
func (s *snapshot) live() bool { return true }

// An album is a snapshot of a stream now and then, each a file that stays, called after its time.
type album struct {
	base  string // of the files' names
	every interval
	o     Options
}

// Put implements [Sink].
func (a *album) Put(f protocol.Frame) error {
	now := time.Now()
	if !a.every.due(now) {
		a.o.skip(SkipBetween)
		return nil
	}
	r, err := create(a.base+"-"+now.Format(stampLayout), ".jpg", false)
	if err != nil {
		return err
	}
	return errors.Join(r.Put(f), r.Close())
}

// Close implements [Sink].
func (a *album) Close() error { return nil }

// An interval says which frames are due, where one in so long a time is. The zero value says that all are.
type interval struct {
	every time.Duration
	next  time.Time
}

func (i *interval) due(now time.Time) bool {
	if now.Before(i.next) {
		return false
	}
	// The next is due an interval after this one was, so that waiting for frames does not add up.
	if i.next = i.next.Add(i.every); i.next.Before(now) {
		i.next = now.Add(i.every)
	}
	return true
}
