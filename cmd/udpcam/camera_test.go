package main

import (
	"context"
	"errors"
	"iter"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"udpcam/protocol"
	"udpcam/sender"
)

// A scripted source does the nth entry of its script when it is opened the nth time: it gives so many pictures, and then
// fails, or goes on for as long as it is open if the number is negative. After the script it ends.
type scripted struct {
	script   []int
	picture  []byte
	opened   atomic.Int32
	isOpen   atomic.Bool
	onDemand bool
}

var errScripted = errors.New("the cable is out")

func (s *scripted) OnDemand() bool { return s.onDemand }

func (s *scripted) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return func(yield func(protocol.Frame, error) bool) {
		n := int(s.opened.Add(1))
		s.isOpen.Store(true)
		defer s.isOpen.Store(false)
		if n > len(s.script) {
			return
		}
		for i := 0; i != s.script[n-1] && ctx.Err() == nil; i++ {
			if !yield(protocol.Frame{JPEG: s.picture, Captured: time.Now()}.Immutable(), nil) {
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Millisecond):
			}
		}
		if ctx.Err() == nil {
			yield(protocol.Frame{}, errScripted)
		}
	}
}

// newCamera returns a camera with a scripted source, which sends to nobody.
func newCamera(t *testing.T, log *buffer, script ...int) (*camera, *scripted) {
	t.Helper()
	noLeaks(t)
	picture, err := os.ReadFile("../../protocol/mjpeg/testdata/street/5.jpg")
	if err != nil {
		t.Fatal(err)
	}
	to, err := sender.Dial(t.Context(), sender.Config{Pace: sender.PaceOff}, "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { to.Close() })
	src := &scripted{script: script, picture: picture}
	return &camera{session: begin(log, nil, nil), name: "door", src: src, to: to, linger: time.Second}, src
}

// A camera alone ends the command when its source fails. Among others it is opened again, if it has worked before.
func TestCameraFails(t *testing.T) {
	for name, test := range map[string]struct {
		several bool
		script  []int
		opened  int32
		want    error
	}{
		"alone":                          {false, []int{3}, 1, errScripted},
		"among others, at the start":     {true, []int{0, 3}, 1, errScripted},
		"among others, later":            {true, []int{2, 0}, 3, nil},
		"alone, with nothing but an end": {false, nil, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var log buffer
			w, src := newCamera(t, &log, test.script...)
			w.several = test.several
			if err := w.run(t.Context()); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if n := src.opened.Load(); n != test.opened {
				t.Errorf("it was opened %d times, want %d", n, test.opened)
			}
			if said := strings.Contains(log.String(), "the camera failed"); said != (test.opened > 1) {
				t.Errorf("log: %s", log.String())
			}
		})
	}
}

// On demand, the source is open while somebody watches and for a while after that. If it fails meanwhile it is opened again,
// even if it never worked. The limit is for all times together.
func TestCameraOnDemand(t *testing.T) {
	var log buffer
	w, src := newCamera(t, &log, 0, -1, -1, -1)
	var watched atomic.Bool
	w.onDemand, w.watched, w.limit, w.linger = true, watched.Load, 100_000, 50*time.Millisecond
	ended := make(chan error)
	go func() { ended <- w.run(t.Context()) }()
	wait := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(hang); !is(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain: %s\n%s", what, log.String())
			}
		}
	}
	time.Sleep(2 * lookInterval)
	if src.opened.Load() > 0 {
		t.Error("it is open while nobody watches")
	}
	watched.Store(true)
	wait("it is opened, fails, and is opened again", func() bool { return src.opened.Load() == 2 && w.count.Load() > 0 })
	watched.Store(false)
	wait("it is closed", func() bool { return !src.isOpen.Load() })
	before := w.count.Load()
	watched.Store(true)
	wait("it is opened for the next", func() bool { return w.count.Load() > before })
	watched.Store(false)
	await(t, &log, "nobody watches(?s:.*)nobody watches")
	w.limit = w.count.Load() + 5 // the source is closed
	watched.Store(true)
	if err := <-ended; err != nil || w.count.Load() != w.limit {
		t.Errorf("%v after %d frames, want %d", err, w.count.Load(), w.limit)
	}
}
