package web

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/protocol"
)

// A page that asks for the time gets that of this machine's clock, with when the newest picture came and how often they do.
// The bytes that it sent come back. By HTTP it is the same, and the answer to a page that waits for a picture comes within
// a second, with or without one.
func TestPageClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(quiet(Config{}))
		ln := serveInMemory(t, h)
		clock := func(echo string, newest time.Time, held time.Duration) string {
			b := append([]byte{messageClock, 0, 0, clockSize, 0, 0, 0x9c, 0x40}, echo...) // 40 ms
			b = binary.BigEndian.AppendUint64(b, uint64(time.Now().UnixMicro()))
			b = binary.BigEndian.AppendUint64(b, uint64(newest.UnixMicro()))
			b = binary.BigEndian.AppendUint32(b, uint32(held.Microseconds()))
			return string(binary.BigEndian.AppendUint32(b, 12_000)) // the way
		}
		h.Put(frame(0, picture(t, 5)))
		time.Sleep(40 * time.Millisecond)
		h.Put(protocol.Frame{Captured: time.Now().Add(-12 * time.Millisecond), JPEG: picture(t, 6)})
		newest := time.Now()
		time.Sleep(7 * time.Millisecond)
		tab := openTab(t, "localhost", "/socket", ln.dial)
		tab.next()
		tab.say(messageClock, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)
		_, b, err := tab.Read(context.Background())
		if want := clock("\x01\x02\x03\x04\x05\x06\x07\x08", newest, 0); err != nil || string(b) != want {
			t.Errorf("%x, %v, want %x", b, err, want)
		}
		tab.CloseNow()

		echo := strings.Repeat("\x00", 8)
		picked := h.streams.frontFeed.newest.Load().part
		want := clock(echo, newest, 0) + string(picked.message[len(picked.message)-pictureHeaderSize:]) + string(picture(t, 6))
		for _, query := range []string{"", "?after=1", "?wait=1&after=1", "?after=x"} {
			if got := body(t, ask(h, "GET", "/poll"+query)); got != want {
				t.Errorf("%s: %.80x, want %.80x", query, got, want)
			}
		}
		if got := body(t, ask(h, "GET", "/poll?after=2")); got != clock(echo, newest, 0) {
			t.Errorf("%x", got)
		}
		if got := body(t, ask(h, "GET", "/poll?after=2&wait=1")); got != clock(echo, newest, time.Second) {
			t.Errorf("%x", got)
		}
		time.AfterFunc(300*time.Millisecond, func() { h.Put(frame(2, picture(t, 7))) })
		if got := body(t, ask(h, "GET", "/poll?after=2&wait=1")); !strings.HasSuffix(got, string(picture(t, 7))) {
			t.Errorf("the next picture is not there: %x", got)
		}
	})
}
