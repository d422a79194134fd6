package web

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
)

// A camera is a source that counts how often it is opened and yields a frame every 40 ms.
type camera struct {
	opened, open atomic.Int32
	err          error // with which opening it fails
	frames       int   // after this time it ends; 0 for never
	jpeg         []byte
	name         string // of its stream
}

func (c *camera) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return func(yield func(protocol.Frame, error) bool) {
		c.opened.Add(1)
		if c.err != nil {
			yield(protocol.Frame{}, c.err)
			return
		}
		c.open.Add(1)
		defer c.open.Add(-1)
		for n := 1; ctx.Err() == nil && yield(protocol.Frame{JPEG: c.jpeg, Stream: c.name}, nil) && n != c.frames; n++ {
			select {
			case <-time.After(40 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// pull pulls a camera in a simulation. The function that it returns ends Pull, and returns Pull's error.
func pull(t *testing.T, h *Server, c *camera, streams ...string) (ln *pipeListener, end func() error) {
	t.Helper()
	c.jpeg = picture(t, 5)
	ln = newPipeListener()
	serveOn(t, h, ln)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- h.Pull(ctx, c.Frames, 0, streams...) }()
	synctest.Wait()
	return ln, func() error {
		cancel()
		return <-result
	}
}

func (c *camera) expect(t *testing.T, opened, open int32) {
	t.Helper()
	synctest.Wait()
	if c.opened.Load() != opened || c.open.Load() != open {
		t.Fatalf("opened %d times, %d open; expected %d, %d", c.opened.Load(), c.open.Load(), opened, open)
	}
}

// onlySource returns the only source on demand.
func onlySource(h *Server) *source {
	for src := range h.sources.Range {
		return src.(*source)
	}
	return nil
}

func TestPullOpensForViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		c := &camera{}
		ln, end := pull(t, h, c)
		c.expect(t, 0, 0)
		if status := h.health().Status; status != statusIdle {
			t.Error(status)
		}
		for round := range int32(3) {
			first := ln.watch(t, "/stream")
			if _, _, err := first.next(); err != nil {
				t.Fatal(err)
			}
			second := ln.watch(t, "/stream")
			go io.Copy(io.Discard, second)
			c.expect(t, round+1, 1)
			first.Close()
			time.Sleep(time.Minute)
			c.expect(t, round+1, 1)
			second.Close()
			time.Sleep(9 * time.Second)
			c.expect(t, round+1, 1)
			if status := h.health().Status; status != statusLive {
				t.Error(status)
			}
			time.Sleep(3 * time.Second) // the viewer's absence took a moment to be noticed
			c.expect(t, round+1, 0)
			if health := h.health(); health.Status != statusIdle || health.Streams[0].Status != statusIdle {
				t.Errorf("%+v", health)
			}
			time.Sleep(time.Hour) // the stream is not forgotten in this time
		}
		if err := end(); err != context.Canceled {
			t.Error(err)
		}
	})
}

// A viewer who comes within the linger time keeps the source open.
func TestPullLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &camera{}
		ln, end := pull(t, New(quiet(Config{})), c)
		for range 5 {
			ln.watch(t, "/stream").Close()
			time.Sleep(8 * time.Second)
			c.expect(t, 1, 1)
		}
		end()
		c.expect(t, 1, 0)
	})
}

// A viewer who comes at the very moment at which the source is closed gets its pictures.
func TestPullViewerComesWhileClosing(t *testing.T) {
	for _, offset := range []time.Duration{-1, 0, 1} {
		synctest.Test(t, func(t *testing.T) {
			h := New(quiet(Config{}))
			c := &camera{}
			ln, end := pull(t, h, c)
			first := ln.watch(t, "/stream")
			gone := h.streams.demandFor(onlySource(h)).changed
			first.Close()
			<-gone
			time.Sleep(10*time.Second + offset)
			viewer := ln.watch(t, "/stream")
			for range 3 {
				if _, _, err := viewer.next(); err != nil {
					t.Fatal(offset, err)
				}
			}
			viewer.Close()
			end()
		})
	}
}

func TestPullRetriesWhileWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		c := &camera{err: errors.New("no camera at /dev/video0: plug one in")}
		ln, end := pull(t, h, c)
		began := time.Now()
		viewer := ln.watch(t, "/stream")
		for _, at := range []time.Duration{0, 1, 3, 7, 15, 25, 35} { // seconds
			time.Sleep(time.Until(began.Add(at*time.Second + 1)))
			synctest.Wait()
			if n := c.opened.Swap(0); n != 1 {
				t.Errorf("after %d s: opened %d times", at, n)
			}
		}
		if health := h.health(); health.Status != statusFailing || health.Error != c.err.Error() {
			t.Errorf("%+v", health)
		}
		viewer.Close()
		time.Sleep(time.Minute)
		c.opened.Store(0)
		time.Sleep(time.Hour)
		c.expect(t, 0, 0)
		c.err = nil
		viewer = ln.watch(t, "/stream")
		if _, _, err := viewer.next(); err != nil {
			t.Error(err)
		}
		if health := h.health(); health.Status != statusLive || health.Error != "" {
			t.Errorf("%+v", health)
		}
		viewer.Close()
		end()
	})
}

// When a source ends, Pull returns, and the source's last picture stays.
func TestPullEndsWithSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		c := &camera{frames: 1}
		ln, end := pull(t, h, c)
		viewer := ln.watch(t, "/stream")
		if _, _, err := viewer.next(); err != nil {
			t.Fatal(err)
		}
		c.expect(t, 1, 0)
		time.Sleep(time.Minute)
		if err := end(); err != nil {
			t.Error(err)
		}
		if health := h.health(); health.Status != statusQuiet {
			t.Errorf("%+v", health)
		}
		viewer.Close()
	})
}

// When a source is opened again, pictures from before it was closed are not shown.
func TestPullForgetsStalePicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		c := &camera{}
		ln, end := pull(t, h, c)
		viewer := ln.watch(t, "/stream")
		header, _, err := viewer.next()
		viewer.Close()
		time.Sleep(time.Minute)
		again := ln.watch(t, "/stream")
		later, _, err2 := again.next()
		if err != nil || err2 != nil || index(later)-index(header) < 30e6 {
			t.Error(header, later, err, err2)
		}
		again.Close()
		end()
	})
}

// A stream that Pull was given by name can be watched before its first picture. Watching it opens the source.
func TestPullNamedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		c := &camera{}
		ln, end := pull(t, h, c, "")
		if list := h.streamInfos(); len(list) != 1 || list[0].Status != statusIdle || list[0].Age != 0 || !list[0].Front {
			t.Errorf("%+v", list)
		}
		time.Sleep(time.Hour)
		viewer := ln.watch(t, "/streams/~/stream")
		if _, _, err := viewer.next(); err != nil {
			t.Fatal(err)
		}
		c.expect(t, 1, 1)
		viewer.Close()
		end()
	})
}

// A viewer of one camera does not open the other cameras. Nor does a viewer of the front stream.
func TestPullOpensOnlyWhatIsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		ln := newPipeListener()
		serveOn(t, h, ln)
		door, garden := &camera{jpeg: picture(t, 5), name: "door"}, &camera{jpeg: picture(t, 6), name: "garden"}
		ctx, cancel := context.WithCancel(t.Context())
		var pulls sync.WaitGroup
		for _, c := range []*camera{door, garden} {
			pulls.Go(func() { h.Pull(ctx, c.Frames, 0, c.name) })
			synctest.Wait()
		}
		watch := func(path string) (leave func()) {
			t.Helper()
			viewer := ln.watch(t, path)
			if _, _, err := viewer.next(); err != nil {
				t.Fatal(err)
			}
			go io.Copy(io.Discard, viewer)
			return func() { viewer.Close(); time.Sleep(20 * time.Second) }
		}

		leave := watch("/stream") // the first that was pulled
		door.expect(t, 1, 1)
		garden.expect(t, 0, 0)
		leave()
		door.expect(t, 1, 0)

		leave = watch("/streams/garden/stream")
		time.Sleep(time.Minute)
		garden.expect(t, 1, 1)
		door.expect(t, 1, 0)
		both := watch("/streams/door/stream")
		door.expect(t, 2, 1)
		both()
		garden.expect(t, 1, 1) // though somebody else has left
		door.expect(t, 2, 0)
		leave()
		garden.expect(t, 1, 0)
		cancel()
		pulls.Wait()
	})
}

// Viewers who come and go elsewhere do not keep a source open.
func TestPullClosesWhileOthersComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		c := &camera{name: "garden"}
		ln, end := pull(t, h, c, "garden")
		f := frame(0, c.jpeg)
		f.Stream = "other"
		h.Put(f)
		ln.watch(t, "/streams/garden/stream").Close()
		c.expect(t, 1, 1)
		for range 8 {
			time.Sleep(3 * time.Second)
			ln.watch(t, "/streams/other/stream").Close()
		}
		c.expect(t, 1, 0)
		end()
	})
}

// While the front stream's camera fails, viewers of /stream see another camera.
func TestPullFailingFront(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		broken, works := &camera{err: errors.New("it broke")}, &camera{jpeg: picture(t, 6), name: "works"}
		ln, end := pull(t, h, broken, "broken")
		ctx, cancel := context.WithCancel(t.Context())
		var pulls sync.WaitGroup
		pulls.Go(func() { h.Pull(ctx, works.Frames, 0, "works") })
		viewer := ln.watch(t, "/stream")
		if _, _, err := viewer.next(); err != nil {
			t.Fatal(err)
		}
		works.expect(t, 1, 1)
		viewer.Close()
		end()
		cancel()
		pulls.Wait()
	})
}

// When the front stream falls quiet, a camera that was closed is opened, and viewers of /stream see it.
func TestPullFrontFallsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		c := &camera{name: "garden"}
		ln, end := pull(t, h, c, "garden")
		f := frame(0, c.jpeg)
		f.Stream = "other"
		h.Put(f)
		viewer := ln.watch(t, "/stream")
		for range 2 { // the last picture of the first camera, then one of the other
			if _, _, err := viewer.next(); err != nil {
				t.Fatal(err)
			}
		}
		c.expect(t, 1, 1)
		viewer.Close()
		end()
	})
}
