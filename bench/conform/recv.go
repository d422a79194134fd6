package conform

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// receiver starts the program as a receiver, and a camera whose stream it shows already.
func (t *trial) receiver() *camera {
	c := t.silent()
	c.goOn()
	t.opening(c)
	return c
}

// silent starts the program as a receiver, and makes a camera that has sent nothing yet.
func (t *trial) silent() *camera {
	addr, err := freeAddress()
	if err != nil {
		t.broken("a free address", "%v", err)
	}
	t.start(map[string]string{"addr": addr.String()})
	t.ready(addr)
	return t.newCamera(addr)
}

// ready waits until the program listens.
func (t *trial) ready(addr netip.AddrPort) {
	if err := t.program.listening(addr); err != nil {
		t.broken("the program listens at its address", "%v", err)
	}
}

// opening sends pictures until one is shown.
func (t *trial) opening(c *camera) {
	for range startWait / (200 * time.Millisecond) {
		f := c.whole(picture(int(c.next), 3000), 0)
		if t.place(f, 100*time.Millisecond) >= 0 {
			return
		}
	}
	t.broken("the frames of a stream that is announced are shown", "nothing on standard output after many of them")
}

// place waits until a frame is shown, and returns its place among those that were, -1 if it is not shown.
func (t *trial) place(f *frame, within time.Duration) (place int) {
	until(within, func() bool {
		place = slices.IndexFunc(t.program.shown(), func(s shown) bool { return bytes.Equal(s.jpeg, f.jpeg) })
		return place >= 0
	})
	return place
}

// shows breaks the rule unless a frame is shown in time. It returns when it was.
func (t *trial) shows(f *frame, within time.Duration, expected string) time.Time {
	at := t.place(f, within)
	if at < 0 {
		t.broken(expected, "frame %d of %d bytes in %d segments (k = %d, %d blocks) is not shown after %v", f.id,
			len(f.jpeg), f.layout.n, f.layout.k, f.layout.blocks, within)
	}
	return t.program.shown()[at].at
}

// hides breaks the rule if a frame is shown after all.
func (t *trial) hides(f *frame, during time.Duration, expected string) {
	if t.place(f, during) >= 0 {
		t.broken(expected, "frame %d of %d bytes is shown", f.id, len(f.jpeg))
	}
}

// inOrder breaks the rule unless exactly these frames were shown, each once and in that order, after those that opened the
// stream.
func (t *trial) inOrder(expected string, frames ...*frame) {
	all := t.program.shown()
	at := slices.IndexFunc(all, func(s shown) bool { return bytes.Equal(s.jpeg, frames[0].jpeg) })
	if at < 0 {
		t.broken(expected, "frame %d is not shown", frames[0].id)
	}
	for i, f := range frames {
		if at+i >= len(all) || !bytes.Equal(all[at+i].jpeg, f.jpeg) {
			saw := "nothing"
			if at+i < len(all) {
				saw = fmt.Sprintf("%d bytes that are another picture", len(all[at+i].jpeg))
				if j := slices.IndexFunc(frames, func(o *frame) bool { return bytes.Equal(o.jpeg, all[at+i].jpeg) }); j >= 0 {
					saw = fmt.Sprintf("frame %d", frames[j].id)
				}
			}
			t.broken(expected, "where frame %d of %d bytes belongs, there is %s", f.id, len(f.jpeg), saw)
		}
	}
	if extra := len(all) - at - len(frames); extra > 0 {
		t.broken(expected, "%d more pictures are shown", extra)
	}
}

// asked waits for requests about a frame, and breaks the rule if there are none.
func (t *trial) asked(c *camera, f uint32, expected string) []heard {
	all := c.waits(showWait, requestOf(f))
	if len(all) == 0 {
		t.broken(expected, "no request for frame %d after %v", f, showWait)
	}
	return all
}
