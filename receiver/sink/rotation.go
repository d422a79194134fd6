package sink

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"udpcam/protocol"
)

// A Rotation says when a recording goes on in another file. The zero value is never. Files are then called after the time
// at which they begin: frames-20060102T150405.mkv.
type Rotation struct {
	Every time.Duration // how long a file is
	Size  int64         // how many bytes it has at most; a file has one frame at least
}

func (r Rotation) isZero() bool { return r == Rotation{} }

// stampLayout is how a time is written in a file's name, in local time.
const stampLayout = "20060102T150405"

// A series is a recording in one file or, with a Rotation, in one after another. A file is made when its first frame comes.
type series struct {
	name    string // of the file; with a Rotation, the times come before its extension
	o       Options
	current *recording // nil before the first frame
	ended   *recording // the one before
	began   time.Time  // when its first frame came
	most    int64      // how many bytes it may have, 0 for any number
	old     oldFiles
}

// openSeries makes sure that files can be made there.
func openSeries(name string, o Options) (*series, error) {
	if err := o.home.check(); err != nil {
		return nil, err
	}
	if err := writable(name); err != nil {
		return nil, refuse(name, err)
	}
	return &series{name: name, o: o}, nil
}

// again returns a series that goes on where this one has failed.
func (s *series) again() (Sink, error) {
	o := s.o
	o.Overwrite = false
	o.films = newMender(o)
	return openSeries(s.name, o)
}

func (s *series) Put(f protocol.Frame) error {
	now := time.Now()
	if s.current != nil && s.over(len(f.JPEG), now) {
		if err := s.end(); err != nil {
			return err
		}
	}
	err := s.put(f, now)
	if (errors.Is(err, syscall.ENOSPC) || errors.Is(err, errQuota)) && s.o.Keep.Free > 0 && s.old.remove(s) {
		s.end()
		err = s.put(f, now)
	}
	return err
}

func (s *series) put(f protocol.Frame, now time.Time) (err error) {
	if s.current == nil {
		if s.current, err = s.next(now); err != nil {
			return err
		}
		s.began, s.most = now, s.old.share(s)
	}
	s.old.tend(s, int64(len(f.JPEG)), now)
	if err = s.current.Put(f); err == nil {
		s.o.films.start()
	}
	return err
}

// next makes the file that begins now.
func (s *series) next(now time.Time) (*recording, error) {
	if err := s.o.home.check(); err != nil {
		return nil, err
	}
	ext := filepath.Ext(s.name)
	base := strings.TrimSuffix(s.name, ext)
	if !s.o.Rotate.isZero() {
		return create(base+"-"+now.Format(stampLayout), ext, false)
	}
	return create(base, ext, s.o.Overwrite)
}

// over reports whether a frame of this size belongs in the next file.
func (s *series) over(size int, now time.Time) bool {
	every := s.o.Rotate.Every
	return every > 0 && now.Sub(s.began) >= every ||
		s.most > 0 && s.current.frames > 0 && s.current.size+int64(size) > s.most
}

// tidy deletes what is too old, also while no frames come.
func (s *series) tidy(now time.Time) { s.old.tend(s, 0, now) }

// end ends the present file.
func (s *series) end() error {
	r := s.current
	if s.current = nil; r == nil {
		return nil
	}
	s.ended = r
	if r.frames > 0 {
		s.old.add(r.name, r.size)
	}
	return r.end()
}

func (s *series) Close() error {
	err := s.end()
	if s.ended != nil {
		err = errors.Join(err, s.ended.wait(time.Now().Add(finalSync)))
	}
	s.o.films.stop()
	return err
}
