package sink

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
)

// fakeScreen is a screen in memory.
type fakeScreen struct {
	mu     sync.Mutex
	keys   []int // keys to be pressed, one for each call of events
	views  map[string]*fakeView
	closed bool
}

func (s *fakeScreen) view(title string) view {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := &fakeView{}
	if s.views == nil {
		s.views = map[string]*fakeView{}
	}
	s.views[title] = v
	return v
}

func (s *fakeScreen) events() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.keys) == 0 {
		return -1
	}
	key := s.keys[0]
	s.keys = s.keys[1:]
	return key
}

func (s *fakeScreen) close() { s.closed = true }

func (s *fakeScreen) press(key int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, key)
}

func (s *fakeScreen) titled(title string) *fakeView {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.views[title]
}

// fakeView is a view that takes its time to decode.
type fakeView struct {
	delay time.Duration
	fails error // of show

	mu      sync.Mutex
	decoded string
	shown   []string
	hidden  bool // the user has closed it
	closed  bool
}

func (v *fakeView) decode(jpeg []byte) bool {
	time.Sleep(v.delay)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.decoded = string(jpeg)
	return true
}

func (v *fakeView) show() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shown = append(v.shown, v.decoded)
	return v.fails
}

func (v *fakeView) visible() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !v.hidden
}

func (v *fakeView) close() { v.closed = true }

func (v *fakeView) hide() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hidden = true
}

func (v *fakeView) pictures() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.shown
}

// counter counts what is skipped.
type counter struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counter) skip(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[reason]++
}

func (c *counter) of(reason string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[reason]
}

// run runs a Window before a fake screen in simulated time.
func run(t *testing.T, o Options, f func(w *Window, s *fakeScreen, ended <-chan error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &fakeScreen{}
		w := newWindow(s, o)
		ended := make(chan error, 1)
		go func() { ended <- w.Run(t.Context()) }()
		f(w, s, ended)
		w.Close()
		synctest.Wait()
		if err := w.Put(protocol.Frame{}); !errors.Is(err, ErrClosed) {
			t.Errorf("Put behind the end: %v, want ErrClosed", err)
		}
		if !s.closed {
			t.Error("the screen is not closed")
		}
		for title, v := range s.views {
			if !v.closed {
				t.Errorf("the view %q is not closed", title)
			}
		}
	})
}

func TestWindowShowsEveryStream(t *testing.T) {
	jpeg := string(street(t, "5"))
	run(t, Options{}, func(w *Window, s *fakeScreen, _ <-chan error) {
		for _, name := range []string{"", "door", "yard\n"} {
			w.Put(protocol.Frame{Stream: name, JPEG: []byte(jpeg)})
		}
		w.Put(protocol.Frame{Stream: "safe", JPEG: []byte(jpeg), Sealed: true})
		synctest.Wait()
		for _, title := range []string{"udpcam", "udpcam: door", "udpcam: yard", "udpcam: safe (sealed)"} {
			if v := s.titled(title); v == nil || len(v.pictures()) != 1 || v.pictures()[0] != jpeg {
				t.Errorf("no picture in window %q", title)
			}
		}
	})
}

func TestWindowShowsTheNewestOnly(t *testing.T) {
	var skipped counter
	run(t, Options{Skip: skipped.skip}, func(w *Window, s *fakeScreen, _ <-chan error) {
		w.Put(protocol.Frame{JPEG: street(t, "5")})
		synctest.Wait()
		v := s.titled("udpcam")
		v.delay = time.Second // slower than the frames come
		for range 10 {
			w.Put(protocol.Frame{JPEG: street(t, "6")})
			time.Sleep(time.Millisecond)
		}
		w.Put(protocol.Frame{JPEG: street(t, "7")})
		time.Sleep(3 * time.Second)
		if got := v.pictures(); len(got) != 3 || got[2] != string(street(t, "7")) {
			t.Errorf("%d pictures were shown, want the first, the one in the decoder, and the newest", len(got))
		}
		if got := skipped.of(SkipOld); got != 9 {
			t.Errorf("%d frames were superseded, want 9", got)
		}
	})
}

func TestWindowEndsOn(t *testing.T) {
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		act  func(w *Window, s *fakeScreen)
		want error
	}{
		"q":     {act: func(w *Window, s *fakeScreen) { s.press('q') }},
		"Q":     {act: func(w *Window, s *fakeScreen) { s.press('Q') }},
		"Esc":   {act: func(w *Window, s *fakeScreen) { s.press(escape) }},
		"Close": {act: func(w *Window, s *fakeScreen) { w.Close() }},
		"the last window's end": {act: func(w *Window, s *fakeScreen) {
			s.titled("udpcam: a").hide()
			s.titled("udpcam: b").hide()
		}},
		"a screen that fails": {want: broken, act: func(w *Window, s *fakeScreen) {
			s.titled("udpcam: a").fails = broken
			w.Put(protocol.Frame{Stream: "a", JPEG: street(t, "6")})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, Options{}, func(w *Window, s *fakeScreen, ended <-chan error) {
				w.Put(protocol.Frame{Stream: "a", JPEG: street(t, "5")})
				w.Put(protocol.Frame{Stream: "b", JPEG: street(t, "5")})
				s.press('x')
				time.Sleep(time.Second)
				select {
				case err := <-ended:
					t.Fatalf("Run has ended by itself: %v", err)
				default:
				}
				test.act(w, s)
				if err := <-ended; !errors.Is(err, test.want) {
					t.Errorf("Run: %v, want %v", err, test.want)
				}
			})
		})
	}
}

func TestWindowClosedByItsUserStaysClosed(t *testing.T) {
	var skipped counter
	run(t, Options{Skip: skipped.skip}, func(w *Window, s *fakeScreen, _ <-chan error) {
		w.Put(protocol.Frame{Stream: "a", JPEG: street(t, "5")})
		w.Put(protocol.Frame{Stream: "b", JPEG: street(t, "5")})
		synctest.Wait()
		s.titled("udpcam: a").hide()
		time.Sleep(time.Second)
		w.Put(protocol.Frame{Stream: "a", JPEG: street(t, "6")})
		w.Put(protocol.Frame{Stream: "b", JPEG: street(t, "6")})
		synctest.Wait()
		if n := len(s.titled("udpcam: a").pictures()); n != 1 || skipped.of(SkipHidden) != 1 {
			t.Errorf("the closed window showed %d pictures, %d were left out, want 1 and 1", n, skipped.of(SkipHidden))
		}
		if n := len(s.titled("udpcam: b").pictures()); n != 2 {
			t.Errorf("the open window showed %d pictures, want 2", n)
		}
	})
}

func TestWindowHasRoomForSoManyStreams(t *testing.T) {
	var skipped counter
	run(t, Options{Skip: skipped.skip}, func(w *Window, s *fakeScreen, _ <-chan error) {
		for i := range 12 {
			w.Put(protocol.Frame{Stream: strings.Repeat("x", i), JPEG: street(t, "5")})
		}
		synctest.Wait()
		if len(s.views) != 9 || skipped.of(SkipStreams) != 3 {
			t.Errorf("%d windows, %d left out, want 9 and 3", len(s.views), skipped.of(SkipStreams))
		}
	})
}

// TestWindowPutNeverBlocks puts frames from several goroutines into a window without Run, also while the window is closed.
func TestWindowPutNeverBlocks(t *testing.T) {
	w := newWindow(&fakeScreen{}, Options{})
	jpeg := street(t, "5")
	var putters, busy sync.WaitGroup
	for i := range 4 {
		busy.Add(1)
		putters.Go(func() {
			for n := 0; w.Put(protocol.Frame{Stream: string(rune('a' + i)), JPEG: jpeg}) == nil; n++ {
				if n == 100 {
					busy.Done()
				}
			}
		})
	}
	busy.Wait()
	w.Close()
	putters.Wait()
	w.decoders.Wait()
}

func TestUndecodable(t *testing.T) {
	good := street(t, "5")
	sof := strings.Index(string(good), "\xff\xc0")
	claim := func(height, width int) []byte {
		b := append([]byte(nil), good...)
		b[sof+5], b[sof+6], b[sof+7], b[sof+8] = byte(height>>8), byte(height), byte(width>>8), byte(width)
		return b
	}
	scans := []byte(strings.Repeat("\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00", 5000))
	for name, test := range map[string]struct {
		jpeg []byte
		want string
	}{
		"whole":               {good, ""},
		"none":                {nil, SkipDamaged},
		"cut off":             {good[:len(good)-1], SkipDamaged},
		"cut off early":       {good[:100], SkipDamaged},
		"PNG":                 {[]byte("\x89PNG\r\n\x1a\n"), SkipDamaged},
		"SOI and EOI only":    {[]byte{0xFF, 0xD8, 0xFF, 0xD9}, SkipDamaged},
		"no pixels":           {claim(0, 0), SkipDamaged},
		"all pixels":          {claim(0xFFFF, 0xFFFF), SkipHuge},
		"more than are":       {claim(8192, 8192), SkipHuge},
		"as many as may be":   {claim(len(good)*512/1000, 1000), ""},
		"more than fit in it": {claim(len(good)*512/1000+1, 1000), SkipHuge},
		"a scan after a scan": {append(append(good[:len(good)-2:len(good)-2], scans...), 0xFF, 0xD9), SkipHuge},
	} {
		if got := new(Options).undecodable(test.jpeg); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestTitle(t *testing.T) {
	for stream, want := range map[string]string{
		"": "udpcam", "door": "udpcam: door", "a\x00b\x1b[2Jc": "udpcam: ab[2Jc", "\xff": "udpcam", "Tür 1": "udpcam: Tür 1",
	} {
		if got := title(protocol.Frame{Stream: stream}); got != want {
			t.Errorf("title(%q) = %q, want %q", stream, got, want)
		}
	}
}

func BenchmarkUndecodable(b *testing.B) {
	jpeg := street(b, "1")
	b.SetBytes(int64(len(jpeg)))
	b.ReportAllocs()
	for b.Loop() {
		new(Options).undecodable(jpeg)
	}
}
