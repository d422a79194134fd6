package web

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Fifty viewers of a stream get every frame in order and byte for byte. Meanwhile five others, who never read, are closed,
// and the fifty do not notice. The next frame is put a thirtieth of a second after the last, but not before all fifty have
// the last one. So a busy machine makes the test slow, and not wrong.
func TestHealthyViewersGetEveryFrame(t *testing.T) {
	const healthy, stalled, frames = 50, 5, 60
	h := New(quiet(Config{StallTimeout: time.Second}))
	addr := serve(t, h)
	pictures := [][]byte{picture(t, 1), picture(t, 5), picture(t, 2), picture(t, 6)}

	for range stalled {
		conn := watch(t, addr, "/stream")
		conn.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	}
	var received sync.WaitGroup // of the frame that was put last
	errs := make(chan error, healthy)
	for range healthy {
		c := watch(t, addr, "/stream")
		go func() {
			for i := range frames {
				if err := expectFrame(c, i, pictures[i%len(pictures)]); err != nil {
					errs <- err
					return
				}
				received.Done()
			}
		}()
	}
	eventually(t, "all have come", func() bool { return h.Stats().Viewers == healthy+stalled })

	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	for i := range frames {
		received.Add(healthy)
		h.Put(frame(i, pictures[i%len(pictures)]))
		all := make(chan struct{})
		go func() { received.Wait(); close(all) }()
		select {
		case <-all:
		case err := <-errs:
			t.Fatal(err)
		}
		<-tick.C
	}
	eventually(t, "the stalled ones are closed", func() bool { return h.Stats().Stalled == stalled })
	if s := h.Stats(); s.FramesIn != frames || s.FramesOut < healthy*frames {
		t.Errorf("%+v", s)
	}
}

// expectFrame reads frame i, which has to be a given picture.
func expectFrame(c *client, i int, picture []byte) error {
	header, jpeg, err := c.next()
	switch {
	case err != nil:
		return fmt.Errorf("frame %d: %w", i, err)
	case index(header) != i:
		return fmt.Errorf("frame %d instead of %d", index(header), i)
	case !bytes.Equal(jpeg, picture):
		return fmt.Errorf("frame %d is not what was put", i)
	case header.Get("Content-Type") != "image/jpeg":
		return fmt.Errorf("frame %d has the header %v", i, header)
	}
	return nil
}

// A viewer gets a whole picture, with the boundary behind it, before the next picture exists.
func TestPictureIsCompleteAtOnce(t *testing.T) {
	h := New(quiet(Config{}))
	c := watch(t, serve(t, h), "/stream")
	for i := range 3 {
		h.Put(frame(i, picture(t, 5)))
		header, _, err := c.next()
		if err != nil || index(header) != i {
			t.Fatal(header, err)
		}
	}
	if c.in.Buffered() > 0 {
		t.Error("something follows the boundary")
	}
}

// A browser that needs the next part's header ahead gets it. Everybody else gets each picture's length.
func TestBrowserGetsHeaderAhead(t *testing.T) {
	const (
		chromium = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
		safari   = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 " +
			"(KHTML, like Gecko) Version/14.1 Safari/605.1.15"
		firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
		image   = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
		page    = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	)
	h := New(quiet(Config{}))
	addr := serve(t, h)
	jpeg := picture(t, 5)
	h.Put(frame(0, jpeg))
	for _, test := range []struct {
		query, agent, accept string
		ahead                bool
	}{
		{"?advance_headers=1", "curl/7.88.1", "*/*", true},
		{"?advance_headers=0", chromium, image, false},
		{"", chromium, image, true},
		{"", safari, image, true},
		{"", safari, page, true}, // in the address bar
		{"", chromium, "*/*", false},
		{"", firefox, image, false},
		{"", "Java/17.0.2", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", false},
		{"", "Apache-HttpClient/4.5.14 (Java/17.0.2)", "image/jpeg", false},
		{"", "", "", false},
	} {
		c := watch(t, addr, "/stream"+test.query+" HTTP/1.0\r\nUser-Agent: "+test.agent+"\r\nAccept: "+test.accept+"\r\nX:")
		const header = "Content-Type: image/jpeg\r\n\r\n"
		want := header + string(jpeg) + "\r\n--boundarydonotcross\r\n" + header
		if !test.ahead {
			want = fmt.Sprintf("Content-Type: image/jpeg\r\nContent-Length: %d\r\n", len(jpeg))
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c.in, got); err != nil || string(got) != want {
			t.Errorf("%v: %.80q, %v", test, got, err)
		}
		if c.header.Get("X-Accel-Buffering") != "no" {
			t.Error("nginx would hold back the end of each picture")
		}
		c.Close()
	}
}

// The server notices a viewer that leaves while no pictures come.
func TestViewerWhoLeavesQuietStream(t *testing.T) {
	h := New(quiet(Config{}))
	addr := serve(t, h)
	watch(t, addr, "/stream").Close()
	polite := watch(t, addr, "/stream")
	fmt.Fprint(polite, "something that nobody asked for")
	stays := watch(t, addr, "/stream")
	eventually(t, "the others have gone", func() bool { return h.Stats().Viewers == 2 })
	polite.Close()
	eventually(t, "the others have gone", func() bool { return h.Stats().Viewers == 1 })
	h.Put(frame(0, picture(t, 5)))
	if _, _, err := stays.next(); err != nil {
		t.Error(err)
	}
}

func TestTooManyViewers(t *testing.T) {
	h := New(quiet(Config{MaxViewers: 2}))
	addr := serve(t, h)
	first := watch(t, addr, "/stream")
	watch(t, addr, "/video_feed")
	third := watch(t, addr, "/stream")
	if third.status != "HTTP/1.1 503 Service Unavailable\r\n" || third.header.Get("Retry-After") == "" {
		t.Error(third.status, third.header)
	}
	first.Close()
	eventually(t, "the first has gone", func() bool { return h.Stats().Viewers == 1 })
	if c := watch(t, addr, "/stream"); c.status != "HTTP/1.1 200 OK\r\n" {
		t.Error(c.status)
	}
	if s := h.Stats(); s.Refused != 1 {
		t.Errorf("%+v", s)
	}
}

func TestCloseEndsViewers(t *testing.T) {
	h := New(quiet(Config{}))
	addr := serve(t, h)
	c := watch(t, addr, "/stream")
	h.Close()
	if _, _, err := c.next(); err != io.EOF {
		t.Error(err)
	}
	if c := watch(t, addr, "/stream"); c.status != "HTTP/1.1 503 Service Unavailable\r\n" {
		t.Error(c.status)
	}
}
