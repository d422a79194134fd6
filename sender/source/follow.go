package source

import (
	"cmp"
	"context"
	"iter"
	"os"
	"slices"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A followed is a folder into which another program puts pictures, or a file that it replaces. The newest picture is shown
// at once, and then each one that is new, in the order of their times. The last one is shown again every second, for
// receivers that join later. Its time of capture stays that of the file, so that receivers know its age.
//
// It works by polling: that is the same on all file systems, those of other machines included.
type followed struct {
	which string // which files, for people
	list  func() ([]string, error)
	o     Options
}

const (
	// pollInterval is the time between two looks for new pictures, and pollShare how many times as long as the look itself.
	pollInterval = 100 * time.Millisecond
	pollShare    = 10
	// writingTime is how long a file that holds no whole picture is believed to be still written to.
	writingTime = 10 * time.Second
	// atOnce is how many new pictures are shown. If more have come meanwhile, the oldest are left out.
	atOnce = 100
)

// newFollowed returns the source for files of a list that will change.
func newFollowed(which string, o Options, list func() ([]string, error)) (Source, error) {
	if _, err := list(); err != nil {
		return nil, err
	}
	return &followed{which, list, o}, nil
}

// OnDemand returns true: it begins with the newest picture again.
func (f *followed) OnDemand() bool { return true }

func (f *followed) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, f.o, f.play)
}

// A listed is a file and its version.
type listed struct {
	name string
	version
}

func (f *followed) play(ctx context.Context, emit emitter) error {
	var last listed // the newest that was shown, or left out
	var still protocol.Frame
	shown := time.Time{}
	warned := false
	pace := pacer{fps: cmp.Or(f.o.FPS, maxFPS)}
	show := func(frame protocol.Frame) error {
		if _, err := pace.wait(ctx); err != nil {
			return err
		}
		still, shown = frame, time.Now()
		return emit(frame)
	}
	for begun := false; ; begun = true {
		looked := time.Now()
		files, err := f.newer(last)
		if err != nil && !warned {
			f.o.Log.Warn("the files cannot be listed", "files", f.which, "why", err)
		} else if len(files) == 0 && !begun {
			f.o.Log.Info("waiting for a picture", "files", f.which)
		}
		warned = err != nil
		if keep := len(files) - atOnce; keep > 0 && begun {
			files = files[keep:]
			f.o.Skip("too many at once")
		} else if newest := len(files) - 1; !begun && newest > 0 {
			last, files = files[newest-1], files[newest:]
		}
		for _, file := range files {
			jpeg, reason := readWhole(file.name, f.o)
			if reason != "" && time.Since(file.changed) < writingTime {
				break // it is still written to
			}
			last = file
			if reason != "" {
				f.o.Skip(reason)
				continue
			}
			captured := looked
			if !begun {
				captured = file.changed
			}
			if err := show(protocol.Frame{Captured: captured, JPEG: jpeg}.Immutable()); err != nil {
				return err
			}
		}
		if still.JPEG != nil && time.Since(shown) >= time.Second {
			if err := show(still); err != nil {
				return err
			}
		}
		if err := sleep(ctx, max(pollInterval, pollShare*time.Since(looked))); err != nil {
			return err
		}
	}
}

// newer lists the files that have changed after the last, the oldest first.
func (f *followed) newer(last listed) (files []listed, err error) {
	names, err := f.list()
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			continue
		}
		if file := (listed{name, version{info.ModTime(), info.Size()}}); file.compare(last) > 0 {
			files = append(files, file)
		}
	}
	slices.SortFunc(files, listed.compare)
	return files, err
}

func (l listed) compare(other listed) int {
	if l.name == other.name && l.changed.Equal(other.changed) {
		return cmp.Compare(l.size, other.size)
	}
	return cmp.Or(l.changed.Compare(other.changed), cmp.Compare(l.name, other.name))
}

// readWhole returns the first picture of a file, or why there is none.
func readWhole(name string, o Options) (jpeg []byte, reason string) {
	o.Skip = func(why string) { reason = why }
	jpeg, err := readPhoto(name, o)
	if err == nil {
		return jpeg, ""
	}
	return nil, cmp.Or(reason, string(mjpeg.Truncated))
}
