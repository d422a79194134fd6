package web

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// A tab is a page as the server sees it.
type tab struct {
	*websocket.Conn
	t *testing.T
}

// openTab connects a page's WebSocket at a path. dial, if not nil, makes the connection.
func openTab(t *testing.T, addr, path string, dial func() net.Conn) tab {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if dial != nil {
		client.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return dial(), nil
		}}
	}
	//nolint:bodyclose // there is none
	conn, _, err := websocket.Dial(context.Background(), "ws://"+addr+path, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 24)
	return tab{conn, t}
}

// next reads a picture and returns its number, which frame it is, and the JPEG.
func (tab tab) next() (number uint32, index int, jpeg []byte) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	_, b, err := tab.Read(ctx)
	if err != nil || len(b) < pictureHeaderSize || b[0] != messagePicture {
		tab.t.Fatalf("%.30x: %v", b, err)
	}
	captured := time.UnixMicro(int64(binary.BigEndian.Uint64(b[8:])))
	return binary.BigEndian.Uint32(b[4:]), int(captured.Sub(epoch).Microseconds()), b[binary.BigEndian.Uint16(b[2:]):]
}

func (tab tab) say(b ...byte) {
	tab.t.Helper()
	if err := tab.Write(context.Background(), websocket.MessageBinary, b); err != nil {
		tab.t.Fatal(err)
	}
}

// taken tells the server that the page has taken a picture, and for how many microseconds it held the picture.
func (tab tab) taken(number, held uint32) {
	tab.t.Helper()
	b := binary.BigEndian.AppendUint32([]byte{messageTaken, 0, 0, 0}, number)
	tab.say(binary.BigEndian.AppendUint32(b, held)...)
}

// A page gets the newest picture when it has taken the last one, and not before.
func TestSocketNewestWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		ln := serveInMemory(t, h)
		tab := openTab(t, "localhost", "/socket", ln.dial)
		jpeg := picture(t, 5)
		for i := range 10 {
			h.Put(frame(i, jpeg))
			synctest.Wait()
			time.Sleep(40 * time.Millisecond)
		}
		number, index, got := tab.next()
		if index != 0 || string(got) != string(jpeg) {
			t.Fatalf("picture %d, %d bytes", index, len(got))
		}
		synctest.Wait()
		if s := h.Stats(); s.FramesOut != 1 {
			t.Errorf("%d pictures have left before one was taken", s.FramesOut)
		}
		tab.taken(number, 0)
		if _, index, _ = tab.next(); index != 9 {
			t.Errorf("picture %d, want the newest", index)
		}
		synctest.Wait()
		if s := h.Stats(); s.Skipped != 8 {
			t.Errorf("%+v", s)
		}
		tab.CloseNow()
	})
}

// On a long round trip, several pictures are on their way at a time.
func TestSocketFillsDistance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		ln := serveInMemory(t, h)
		tab := openTab(t, "localhost", "/socket", ln.dial)
		jpeg := picture(t, 5)
		const frames, rtt = 100, 100 * time.Millisecond
		go func() {
			for i := range frames {
				h.Put(frame(i, jpeg))
				time.Sleep(40 * time.Millisecond)
			}
		}()
		seen := 0
		for index := 0; index < frames-1; seen++ {
			var number uint32
			number, index, _ = tab.next()
			time.AfterFunc(rtt, func() { tab.taken(number, 0) })
		}
		if seen < frames*9/10 {
			t.Errorf("%d of %d pictures were seen", seen, frames)
		}
		time.Sleep(time.Second)
		tab.CloseNow()
	})
}

// A page that asks for fewer pictures gets them evenly, each when it comes. When no more come, it still gets the last one.
func TestSocketRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		ln := serveInMemory(t, h)
		tab := openTab(t, "localhost", "/socket", ln.dial)
		tab.say(messageRate, 0, 0, 10)
		synctest.Wait()
		jpeg := picture(t, 5)
		go func() {
			for i := range 52 {
				h.Put(frame(i, jpeg))
				time.Sleep(20 * time.Millisecond) // 50 a second
			}
		}()
		var got []int
		for len(got) == 0 || got[len(got)-1] < 51 {
			number, index, _ := tab.next()
			tab.taken(number, 0)
			got = append(got, index)
		}
		if len(got) != 12 {
			t.Errorf("%d pictures: %v", len(got), got)
		}
		for i, index := range got[:11] {
			if index != 5*i {
				t.Errorf("picture %d is number %d: %v", i, index, got)
			}
		}
		tab.CloseNow()
	})
}

// A page that takes nothing for 10 s is closed, whether it reads or not. A page that sends nonsense is closed at once.
func TestSocketStallsAndNonsense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		ln := serveInMemory(t, h)
		reads := openTab(t, "localhost", "/socket", ln.dial)
		deaf := openTab(t, "localhost", "/socket", ln.dial)
		h.Put(frame(0, picture(t, 5)))
		reads.next()
		time.Sleep(10*time.Second - time.Millisecond)
		if s := h.Stats(); s.Viewers != 2 {
			t.Fatalf("closed too early: %+v", s)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if s := h.Stats(); s.Viewers != 0 || s.Stalled != 2 {
			t.Fatalf("%+v", s)
		}
		reads.CloseNow()
		deaf.CloseNow()

		for _, nonsense := range [][]byte{{9}, {}, make([]byte, 17), make([]byte, 1000)} {
			tab := openTab(t, "localhost", "/socket", ln.dial)
			tab.say(nonsense...)
			synctest.Wait()
			if s := h.Stats(); s.Viewers != 0 {
				t.Errorf("%.20x is listened to", nonsense)
			}
			tab.CloseNow()
		}
	})
}

// A page of another site is refused. So is a page beyond the limit of viewers.
func TestSocketRefusals(t *testing.T) {
	h := New(quiet(Config{MaxViewers: 1}))
	addr := serve(t, h)
	dial := func(origin string) int {
		header := http.Header{"Origin": {origin}}
		conn, r, err := websocket.Dial(t.Context(), "ws://"+addr+"/socket", &websocket.DialOptions{HTTPHeader: header})
		if err == nil {
			t.Cleanup(func() { conn.CloseNow() })
		}
		return r.StatusCode
	}
	for _, test := range []struct {
		origin string
		status int
	}{{"http://evil.example", 403}, {"null", 403}, {"http://" + addr, 101}, {"http://" + addr, 503}} {
		if got := dial(test.origin); got != test.status {
			t.Errorf("from %s: %d, want %d", test.origin, got, test.status)
		}
		eventually(t, "refused ones are gone", func() bool { return h.Stats().Viewers <= 1 })
	}
	if r := ask(New(quiet(Config{})), "GET", "/socket"); r.StatusCode != http.StatusUpgradeRequired {
		t.Error(r.Status)
	}
}

// Over TLS, one writev becomes several writes. What the library writes must not come between them.
func TestSocketTalksBetween(t *testing.T) {
	h := New(quiet(Config{}))
	addr := serve(t, h)
	tab := openTab(t, addr, "/socket", nil)
	defer tab.CloseNow()
	play(t, h, picture(t, 1), picture(t, 6))
	go func() {
		for range 500 {
			tab.Write(context.Background(), websocket.MessageBinary, append([]byte{messageClock}, make([]byte, 15)...))
		}
	}()
	pictures, clocks := 0, 0
	for pictures < 20 || clocks < 500 {
		ctx, cancel := context.WithTimeout(t.Context(), hang)
		_, b, err := tab.Read(ctx)
		cancel()
		switch {
		case err != nil:
			t.Fatal(err)
		case b[0] == messageClock && len(b) == clockSize:
			clocks++
		case b[0] == messagePicture:
			pictures++
			if got := b[24:]; string(got) != string(picture(t, 1)) && string(got) != string(picture(t, 6)) {
				t.Fatal("a picture is damaged")
			}
			tab.taken(binary.BigEndian.Uint32(b[4:]), 0)
		}
	}
}

// When a page leaves, the log says so in plain words, and not in those of the WebSocket library.
func TestSocketLeavesInPlainWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := New(Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
		ln := serveInMemory(t, h)
		tab := openTab(t, "localhost", "/socket", ln.dial)
		tab.Close(websocket.StatusGoingAway, "")
		synctest.Wait()
		if said := log.String(); !strings.Contains(said, `because="the viewer left"`) || strings.Contains(said, "Status") {
			t.Error(said)
		}
	})
}
