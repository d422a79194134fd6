package web

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
)

// By which way pictures come: testdata/way.js plays the page's decisions in simulated time.
func TestWay(t *testing.T) {
	play, err := os.ReadFile("testdata/way.js")
	if err != nil {
		t.Fatal(err)
	}
	p := browse(t, "http://"+serve(t, New(quiet(Config{})))+"/", 600, 400)
	for _, fault := range evaluate[[]string](p, "import('/static/way.js').then("+strings.TrimSuffix(strings.TrimSpace(string(play)), ";")+")") {
		t.Error(fault)
	}
}

// way tells the server whether pictures come by datagrams, and how many the page has shown that came so.
func (tab tab) way(on byte, shown uint16, bytes uint32) {
	tab.t.Helper()
	b := binary.BigEndian.AppendUint16([]byte{messageWay, on}, shown)
	tab.say(binary.BigEndian.AppendUint32(b, bytes)...)
	synctest.Wait()
}

// While pictures come to a page by datagrams, its socket brings none, and they count as if it did. A page that lies gets no
// more counted than there were.
func TestSocketWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		ln := serveInMemory(t, h)
		tab := openTab(t, "localhost", "/socket", ln.dial)
		jpeg := picture(t, 5)
		put := func(from, to int) {
			for i := from; i < to; i++ {
				h.Put(frame(i, jpeg))
				time.Sleep(40 * time.Millisecond)
			}
		}
		h.Put(frame(0, jpeg))
		number, _, _ := tab.next()
		tab.taken(number, 0)
		tab.way(1, 0, 0)
		before := h.Stats()
		put(1, 11)
		tab.way(1, 10, 10*uint32(len(jpeg)))
		s := h.Stats()
		if s.FramesOut != before.FramesOut+10 || s.BytesOut != before.BytesOut+10*uint64(len(jpeg)) || s.Skipped != 0 {
			t.Errorf("%+v, before %+v", s, before)
		}
		tab.way(1, 0xffff, 0xffffffff)
		if lied := h.Stats(); lied.FramesOut != s.FramesOut || lied.BytesOut != s.BytesOut {
			t.Errorf("a page that lies is believed: %+v", lied)
		}
		put(11, 31)
		tab.way(0, 0xffff, 0xffffffff)
		if _, index, _ := tab.next(); index != 30 {
			t.Errorf("picture %d, want the newest", index)
		}
		synctest.Wait()
		if s = h.Stats(); s.Skipped != 0 || s.FramesOut > s.FramesIn+1 || s.BytesOut > s.FramesIn*protocol.MaxFrameSize {
			t.Errorf("%+v", s)
		}
		tab.taken(31, 0)
		tab.way(1, 0, 0)
		for range 30 { // it says something all the time
			time.Sleep(500 * time.Millisecond)
			tab.way(1, 0, 0)
		}
		if s = h.Stats(); s.Viewers != 1 {
			t.Errorf("the page is closed: %+v", s)
		}
		time.Sleep(10*time.Second + time.Millisecond) // and now nothing
		synctest.Wait()
		if s = h.Stats(); s.Viewers != 0 || s.Stalled != 1 {
			t.Errorf("a page that says nothing is not closed: %+v", s)
		}
		tab.CloseNow()
	})
}

// The answer to a page that asks for the time says how long the newest picture took until it came.
func TestClockMessage(t *testing.T) {
	for _, test := range []struct {
		took time.Duration
		want int32
	}{{0, 0}, {12 * time.Millisecond, 12000}, {-time.Second, -1e6}, {time.Hour, 1<<31 - 1}, {-time.Hour, -1 << 31}} {
		f := newFeed()
		f.put(&part{captured: epoch, came: epoch.Add(test.took)})
		b := appendClockMessage(nil, f, [8]byte{}, epoch, epoch)
		if got := int32(binary.BigEndian.Uint32(b[36:])); len(b) != clockSize || got != test.want {
			t.Errorf("%v: %d, %x", test.took, got, b)
		}
	}
}
