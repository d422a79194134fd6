package web

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A pipeListener accepts connections that exist in memory only, so that a test can simulate time.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{make(chan net.Conn), make(chan struct{})}
}

// serveInMemory serves a server on a pipeListener.
func serveInMemory(t *testing.T, h *Server) *pipeListener {
	t.Helper()
	ln := newPipeListener()
	serveOn(t, h, ln)
	return ln
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	close(l.closed)
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// dial returns the client's end of a connection.
func (l *pipeListener) dial() net.Conn {
	here, there := net.Pipe()
	l.conns <- there
	return here
}

// watch opens the stream at a path.
func (l *pipeListener) watch(t *testing.T, path string) *client {
	t.Helper()
	c, err := request(l.dial(), path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A pipe holds nothing, so that a viewer who does not read stalls with the first picture.
func TestStalledViewerIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		ln := serveInMemory(t, h)
		ln.watch(t, "/stream")
		h.Put(frame(0, picture(t, 5)))
		time.Sleep(10*time.Second - time.Nanosecond)
		if s := h.Stats(); s.Viewers != 1 {
			t.Fatalf("closed too early: %+v", s)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if s := h.Stats(); s.Viewers != 0 || s.Stalled != 1 || s.FramesOut != 0 {
			t.Fatalf("%+v", s)
		}
	})
}

func TestSlowViewerSkipsToNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		ln := serveInMemory(t, h)
		c := ln.watch(t, "/stream")
		for i := range 10 {
			h.Put(frame(i, picture(t, 5)))
			synctest.Wait()
		}
		for _, want := range []int{0, 9} { // it had begun to write the first
			if header, _, err := c.next(); err != nil || index(header) != want {
				t.Fatal(index(header), want, err)
			}
		}
		synctest.Wait()
		if s := h.Stats(); s.Skipped != 8 || s.FramesOut != 2 {
			t.Errorf("%+v", s)
		}
		c.Close()
	})
}

// A viewer that gets nothing new gets the last picture again in time, so that no proxy closes its connection.
func TestPictureIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		c := serveInMemory(t, h).watch(t, "/stream?fps=0.01")
		began := time.Now()
		h.Put(frame(7, picture(t, 5)))
		for i := range 4 {
			header, jpeg, err := c.next()
			took := time.Since(began).Round(time.Second)
			if err != nil || index(header) != 7 || len(jpeg) == 0 || took != time.Duration(i)*20*time.Second {
				t.Errorf("number %d is picture %d after %v: %v", i, index(header), took, err)
			}
		}
		if s := h.Stats(); s.Skipped != 0 {
			t.Errorf("%+v", s)
		}
		c.Close()
	})
}

// ?fps= bounds the rate. The mean rate is right, also if it does not divide the source's, and the last picture comes.
func TestStreamRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		ln := serveInMemory(t, h)
		const source, seconds = 30, 10
		rates := []int{1, 7, 20, 30, 60}
		got := make([]int, len(rates))
		for i, rate := range rates {
			c := ln.watch(t, fmt.Sprintf("/stream?fps=%d", rate))
			go func() {
				for last := -1; last < source*seconds-1; got[i]++ {
					header, _, err := c.next()
					if err != nil {
						t.Error(err)
						return
					}
					last = index(header)
				}
				c.Close()
			}()
		}
		for i := range source * seconds {
			h.Put(frame(i, picture(t, 5)))
			time.Sleep(time.Second / source)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		for i, rate := range rates {
			if want := min(rate, source) * seconds; got[i] < want || got[i] > want+2 {
				t.Errorf("at %d a second: %d pictures", rate, got[i])
			}
		}
	})
}

func TestStreamRateErrors(t *testing.T) {
	h := New(quiet(Config{}))
	for _, rate := range []string{"0", "-1", "x", "NaN", "inf", "1e9"} {
		r := ask(h, "GET", "/stream?fps="+rate)
		if text := body(t, r); r.StatusCode != 400 || !strings.Contains(text, "from 0.01 to 1000") {
			t.Errorf("%s: %d %s", rate, r.StatusCode, text)
		}
	}
}

// When the front stream falls quiet, a viewer of "/stream" sees the next front stream.
func TestFrontStreamMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		ln := serveInMemory(t, h)
		c := ln.watch(t, "/stream")
		step := 0
		put := func(stream string, seen bool) {
			t.Helper()
			f := frame(step, picture(t, 5))
			f.Stream = stream
			step++
			h.Put(f)
			if !seen {
				return
			}
			if header, _, err := c.next(); err != nil || index(header) != step-1 {
				t.Fatal(index(header), step-1, err)
			}
		}
		put("first", true)
		time.Sleep(time.Second)
		put("third", false)
		time.Sleep(time.Second)
		put("second", false)
		put("third", false)
		put("first", true)
		time.Sleep(2 * time.Second)
		put("second", false) // the first is still live
		put("third", false)
		time.Sleep(3 * time.Second)
		put("second", false) // the first is quiet, two of its pictures are missing; the third has been live longer
		put("third", true)
		put("first", false)
		put("second", false)
		put("third", true)
		if h.streams.frontName() != "third" {
			t.Error(h.streams.frontName())
		}
		c.Close()
	})
}

// A camera that sends a picture every 12 s is live from the third one until two are missing. A pause of a fast camera makes
// it no slow one.
func TestSlowCameraIsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		expect := func(when string, live bool) {
			t.Helper()
			if infos := h.streamInfos(); (infos[0].Status == statusLive) != live {
				t.Errorf("%s: %s", when, infos[0].Status)
			}
		}
		for i := range 5 {
			h.Put(frame(i, picture(t, 5)))
			time.Sleep(11 * time.Second)
			expect(fmt.Sprint("after picture ", i), i >= 2)
			time.Sleep(time.Second)
		}
		time.Sleep(13*time.Second + time.Millisecond)
		expect("when two are missing", false)
		for i := range 90 {
			h.Put(frame(i, picture(t, 5)))
			time.Sleep(33 * time.Millisecond)
		}
		time.Sleep(12 * time.Second)
		h.Put(frame(0, picture(t, 5)))
		time.Sleep(4 * time.Second)
		expect("after a pause", false)
	})
}

// A picture now and then, although it was there first, does not keep a camera from the front page. It does not come back
// either while the camera sends.
func TestFrontStreamIsSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		step := 0
		put := func(stream string) {
			f := frame(step, picture(t, 5))
			f.Stream = stream
			step++
			h.Put(f)
		}
		for i := range 200 {
			if i%40 == 0 {
				put("now and then")
			}
			if i >= 60 && i < 150 {
				put("camera")
			}
			if front := h.streams.frontName(); i < 60 && front != "now and then" || i > 70 && i < 150 && front != "camera" {
				t.Fatalf("%q leads in step %d", front, i)
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
}

// A stream that is new takes the place of a quiet one, if there are too many.
func TestQuietStreamGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{MaxStreams: 3}))
		names := func() (all []string) {
			for _, s := range h.streamInfos() {
				all = append(all, s.Name)
			}
			return all
		}
		put := func(streams ...string) {
			for _, stream := range streams {
				f := frame(0, picture(t, 5))
				f.Stream = stream
				h.Put(f)
			}
		}
		put("a", "b", "c", "d")
		if got := names(); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("while all are live there are %v", got)
		}
		time.Sleep(2 * time.Second)
		put("a")
		time.Sleep(2 * time.Second)
		put("d")
		if got := names(); !slices.Equal(got, []string{"a", "d"}) {
			t.Errorf("when two are quiet there are %v", got)
		}
	})
}

func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{MaxStreams: 2}))
		ln := serveInMemory(t, h)
		put := func(stream string) {
			f := frame(0, picture(t, 5))
			f.Stream = stream
			h.Put(f)
		}
		put("watched")
		put("left")
		put("too many")
		if s := h.Stats(); s.Streams != 2 || s.Dropped != 1 {
			t.Fatalf("%+v", s)
		}
		c := ln.watch(t, "/streams/watched/stream")
		go io.Copy(io.Discard, c)
		time.Sleep(5 * time.Minute)
		put("new")
		list := h.streamInfos()
		if len(list) != 2 || list[0].Name != "new" || list[1].Name != "watched" || list[1].Age != 300 {
			t.Errorf("%+v", list)
		}
		c.Close()
	})
}

// A connection whose request does not end is closed after 5 s. A connection that sends no further request is closed after a
// minute.
func TestSlowRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		ln := serveInMemory(t, h)
		for _, test := range []struct {
			text string
			wait time.Duration
		}{
			{"GET /stream HTTP/1.1\r\nHost: loc", 5 * time.Second},
			{"G", 5 * time.Second},
			{"GET /streams HTTP/1.1\r\nHost: localhost\r\n\r\n", time.Minute},
		} {
			began := time.Now()
			conn := ln.dial()
			io.WriteString(conn, test.text)
			io.Copy(io.Discard, conn)
			if took := time.Since(began); took != test.wait {
				t.Errorf("%.12q is closed after %v, want %v", test.text, took, test.wait)
			}
			conn.Close()
		}
	})
}
