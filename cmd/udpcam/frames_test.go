package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
	"udpcam/receiver/web"
	"udpcam/sender"
)

// A fakeSource yields some frames, and then an error or, if live, waits for its context.
type fakeSource struct {
	frames [][]byte
	err    error
	live   bool
}

func (s fakeSource) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return func(yield func(protocol.Frame, error) bool) {
		for _, jpeg := range s.frames {
			if !yield(protocol.Frame{JPEG: jpeg, Captured: time.Now()}, nil) {
				return
			}
		}
		if s.live {
			<-ctx.Done()
		}
		if s.err != nil {
			yield(protocol.Frame{}, s.err)
		}
	}
}

func (s fakeSource) OnDemand() bool { return true }

// jpegOf returns bytes of that size that begin and end as a JPEG does.
func jpegOf(size int) []byte {
	b := make([]byte, size)
	copy(b, "\xff\xd8")
	copy(b[size-2:], "\xff\xd9")
	return b
}

// A nowhere is a connection that swallows what is sent.
type nowhere struct{ protocol.Conn }

func (nowhere) Send(netip.AddrPort, [][2][]byte) error { return nil }
func (nowhere) Close() error                           { return nil }

func TestPump(t *testing.T) {
	small, large, broken := jpegOf(1000), jpegOf(200_000), errors.New("camera pulled out")
	tests := map[string]struct {
		source fakeSource
		limit  uint64
		sent   uint64
		skips  string
		err    error
	}{
		"all":              {fakeSource{frames: [][]byte{small, small}}, 0, 2, "", nil},
		"none":             {fakeSource{}, 0, 0, "", nil},
		"so many":          {fakeSource{frames: [][]byte{small, small, small}, live: true}, 2, 2, "", nil},
		"until it fails":   {fakeSource{frames: [][]byte{small}, err: broken}, 0, 1, "", broken},
		"first too large":  {fakeSource{frames: [][]byte{large, small}}, 0, 0, "", protocol.ErrFrameSize},
		"second too large": {fakeSource{frames: [][]byte{small, large, small}}, 0, 2, "too large for the wire ", nil},
		"no JPEG":          {fakeSource{frames: [][]byte{{1, 2, 3}, small}}, 0, 1, "no JPEG ", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			// Classic datagrams of 448 bytes carry at most 114,240 bytes a frame.
			config := sender.Config{Wire: protocol.WireClassic, SegmentSize: 448}
			to, err := sender.New(config, sender.Destination{Conn: nowhere{}})
			if err != nil {
				t.Fatal(err)
			}
			skips, last := "", uint64(0)
			err = pump(t.Context(), test.source, to.Send, test.limit,
				func(reason string) { skips += reason + " " }, func(_ protocol.Frame, n uint64) { last = n })
			if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Errorf("%v, want %v", err, test.err)
			}
			if sent := to.Stats().Frames; sent != test.sent || skips != test.skips {
				t.Errorf("%d sent and skipped %q, want %d and %q", sent, skips, test.sent, test.skips)
			}
			if last != test.sent {
				t.Errorf("the command says that it sent %d frames", last)
			}
		})
	}
}

// A loopback yields the frames of its source. It ends as its source does.
func TestLoopback(t *testing.T) {
	noLeaks(t)
	broken := errors.New("camera pulled out")
	loop, err := openLoopback(t.Context(), nil, "cam", &session{log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer loop.close()
	noted := 0
	frames := loop.open(func(protocol.Frame, time.Time) { noted++ })

	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	for round := range 3 { // opened again and again, as viewers come and go
		loop.source = fakeSource{frames: [][]byte{jpegOf(1000 + round), jpegOf(100_000)}, live: true}
		var sizes []int
		for f, err := range frames(ctx) {
			if err != nil || f.Stream != "cam" {
				t.Fatalf("frame of %q, %v", f.Stream, err)
			}
			if sizes = append(sizes, len(f.JPEG)); len(sizes) == 2 {
				break
			}
		}
		if got, want := fmt.Sprint(sizes), fmt.Sprint([]int{1000 + round, 100_000}); got != want {
			t.Errorf("round %d: frames of %s bytes, want %s", round, got, want)
		}
	}
	if noted != 6 {
		t.Errorf("%d frames noted, want 6", noted)
	}

	loop.source = fakeSource{err: broken}
	var last error
	for _, err := range frames(ctx) {
		last = err
	}
	if !errors.Is(last, broken) {
		t.Errorf("a source that fails: %v", last)
	}

	loop.source = fakeSource{frames: [][]byte{jpegOf(5)}, live: true}
	for _, err := range frames(ctx) {
		if err != nil {
			t.Errorf("ended from outside: %v", err)
		}
		cancel()
	}
}

// If a source on demand fails before its first frame, the command ends with the source's error.
func TestShowFailingSource(t *testing.T) {
	noLeaks(t)
	listener, err := web.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to := &server{Server: web.New(web.Config{Log: slog.New(slog.DiscardHandler)}), listener: listener, scheme: "http"}
	var viewer sync.WaitGroup
	viewer.Go(func() {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if resp, err := client.Get(to.url() + "stream"); err == nil {
			resp.Body.Close()
		}
	})
	broken := errors.New("no such camera")
	err = show(t.Context(), to, fakeSource{err: broken}.Frames, onDemand{is: true}, time.Hour, "")
	if !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
	viewer.Wait()
}

// If a source on demand fails after it has worked, it is opened again, until it ends without an error.
func TestPullFailingSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var log buffer
		to := &server{Server: web.New(web.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})}
		var viewer sync.WaitGroup
		viewer.Go(func() {
			request := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/stream", nil)
			to.ServeHTTP(httptest.NewRecorder(), request)
		})
		broken := errors.New("camera pulled out")
		sources := []fakeSource{{frames: [][]byte{jpegOf(9)}, err: broken}, {err: broken}, {frames: [][]byte{jpegOf(9)}}}
		opened := 0
		err := pull(ctx, to, func(ctx context.Context) iter.Seq2[protocol.Frame, error] {
			opened++
			return sources[opened-1].Frames(ctx)
		}, false, time.Hour, "")
		if err != nil || opened != len(sources) || strings.Count(log.String(), broken.Error()) != 2 {
			t.Errorf("opened %d times, and then %v: %s", opened, err, log.String())
		}
		cancel()
		viewer.Wait()
	})
}
