package conform

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"time"
)

var sendRules = slices.Concat([]Rule{
	{"send-frames", Sender, "Segments", "each picture is a frame, byte for byte, with consecutive IDs",
		true, true, false, sendFrames},
	{"send-layout", Sender, "Segments", "blocks, k and stride are those that follow from the segment size",
		true, true, false, sendLayout},
	{"send-headers", Sender, "Segments", "all segments of a frame describe it alike", true, true, false, sendHeaders},
	{"send-order", Sender, "Segments", "data leaves in the order of its index, then row 0 of all blocks, row 1 of all blocks …",
		true, true, false, sendOrder},
	{"send-crc", Sender, "Segments", "the CRC is that of the whole frame; 0 if it is sealed", true, true, false, sendCRC},
	{"send-times", Sender, "Segments", "capture times are the clock's, and never go backwards", true, true, false, sendTimes},
	{"send-parity", Sender, "Parity", "parity is that of the code, p rows of each block", true, true, false, sendParity},
	{"announcements", Sender, "Announcement",
		"the stream is announced before each of the first frames, later some five times a second",
		true, true, false, sendAnnouncements},
	{"announced-newest", Sender, "Announcement", "announcements name the newest frame that was begun",
		true, true, false, sendNewest},
	{"announced-echo", Sender, "Clock echo", "announcements echo the last report, to the microsecond",
		true, true, false, sendEcho},
	{"new-session", Sender, "udpcam/1", "each start draws another session", true, true, false, sendSession},
	{"send-ends", Sender, "udpcam/1", "at the end of its input the sender ends with status 0, and all has been sent",
		true, true, false, sendEnds},
}, sendAnswerRules, sendSealedRules)

// A capture is what a sender sends of some pictures. Several rules look at it.
type capture struct {
	once     sync.Once
	failure  *broken
	pictures [][]byte
	frames   [][]arrival
	viewer   *viewer
}

// watch returns the capture, which is made once.
func (t *trial) watch() *capture {
	c := t.capture
	c.once.Do(func() {
		defer func() {
			if why := recover(); why != nil {
				if b, ok := why.(broken); ok {
					c.failure = &b
					return
				}
				panic(why)
			}
		}()
		c.viewer = t.sender()
		for i, size := range []int{least, 1408, 1409, 2816, 40_000, 80_000, 1408 * 192, 1408*192 + 1,
			300_000, 3000, 5000, 100_000} {
			c.pictures = append(c.pictures, picture(i, max(size, least)))
		}
		for i := range 45 {
			c.pictures = append(c.pictures, picture(100+i, 20_000))
		}
		t.feed(c.pictures...)
		until(startWait, func() bool {
			c.frames = c.viewer.frames()
			return len(c.frames) >= len(c.pictures) && joined(c.frames[len(c.frames)-1]) != nil
		})
		time.Sleep(100 * time.Millisecond)
		c.frames = c.viewer.frames()
		if len(c.frames) == 0 {
			t.broken("the sender sends to {addr} what comes on its standard input", "%d datagrams came, none of them a segment",
				len(c.viewer.all(anything)))
		}
	})
	if c.failure != nil {
		panic(*c.failure)
	}
	return c
}

func sendFrames(t *trial) {
	c := t.watch()
	t.checkWrong(c.viewer)
	if len(c.frames) != len(c.pictures) {
		t.broken(fmt.Sprintf("%d frames of %d pictures", len(c.pictures), len(c.pictures)), "%d frames", len(c.frames))
	}
	for i, f := range c.frames {
		if s := f[0].seg; s.frame != c.frames[0][0].seg.frame+uint32(i) {
			t.broken("IDs grow by 1 from frame to frame", "frame %d of the stream has ID %d, the first one %d", i, s.frame,
				c.frames[0][0].seg.frame)
		}
		if !bytes.Equal(joined(f), c.pictures[i]) {
			t.broken(fmt.Sprintf("the %d bytes of picture %d", len(c.pictures[i]), i), "other bytes, or some are missing")
		}
	}
}

func sendLayout(t *trial) {
	for _, f := range t.watch().frames {
		s := f[0].seg
		stride := ceil(ceil(s.length, max(1, s.blocks*s.k)), 64) * 64
		n := ceil(s.length, stride)
		if blocks := ceil(n, 192); s.blocks != blocks || s.k != ceil(n, blocks) || n > 1 && stride < 256 {
			t.broken(fmt.Sprintf("for %d bytes in %d segments of %d: %d blocks and k = %d", s.length, n, stride, blocks,
				ceil(n, blocks)), "%d blocks and k = %d", s.blocks, s.k)
		}
		for _, a := range f {
			want := stride
			if !a.seg.isParity() {
				want = min(stride, s.length-a.seg.index()*stride)
			}
			if len(a.seg.payload) != want {
				t.broken(fmt.Sprintf("%d bytes of payload", want), "%d in a segment of frame %d (type %d, block %d, countdown %d)",
					len(a.seg.payload), a.seg.frame, a.seg.typ, a.seg.block, a.seg.countdown)
			}
		}
	}
}

func sendHeaders(t *trial) {
	c := t.watch()
	for _, f := range c.frames {
		s := f[0].seg
		for _, a := range f {
			o := a.seg
			if o.length != s.length || o.blocks != s.blocks || o.k != s.k || o.p != s.p || o.captured != s.captured ||
				o.crc != s.crc || o.session != s.session || o.stream != s.stream {
				t.broken("length, blocks, k, p, capture time, CRC and session are the same in all segments of a frame", "%+v and %+v",
					s.header(), o.header())
			}
			if o.session != c.frames[0][0].seg.session {
				t.broken("one session from the start to the end", "%06x and %06x", c.frames[0][0].seg.session, o.session)
			}
		}
	}
}

func sendOrder(t *trial) {
	for _, f := range t.watch().frames {
		s := f[0].seg
		n := ceil(s.length, ceil(ceil(s.length, s.blocks*s.k), 64)*64)
		for i, a := range f {
			want := fmt.Sprintf("data %d", i)
			if i >= n {
				want = fmt.Sprintf("parity row %d of block %d", (i-n)/s.blocks, (i-n)%s.blocks)
			}
			got := fmt.Sprintf("data %d", a.seg.index())
			if a.seg.isParity() {
				got = fmt.Sprintf("parity row %d of block %d", a.seg.row(), a.seg.block)
			}
			if got != want {
				t.broken(fmt.Sprintf("datagram %d of a frame with %d segments in %d blocks is %s", i, n, s.blocks, want),
					"%s (countdown %d)", got, a.seg.countdown)
			}
		}
		if len(f) != n+s.p*s.blocks {
			t.broken(fmt.Sprintf("%d datagrams of data and %d × %d of parity", n, s.p, s.blocks), "%d datagrams", len(f))
		}
	}
}

func sendCRC(t *trial) {
	for _, f := range t.watch().frames {
		want := uint32(0)
		if jpeg := joined(f); !t.sealed() && jpeg != nil {
			want = checksum(jpeg)
		}
		if got := f[0].seg.crc; got != want {
			t.broken(fmt.Sprintf("CRC-32C %08x", want), "%08x", got)
		}
	}
}

func sendTimes(t *trial) {
	last := uint64(0)
	for _, f := range t.watch().frames {
		s := f[0].seg
		if d := int64(stamp(f[0].at) - s.captured); d < -1_000_000 || d > 5_000_000 {
			t.broken("the capture time in microseconds since the Unix epoch, modulo 2⁴⁸", "%d µs before the frame came", d)
		}
		if s.captured < last {
			t.broken("capture times do not go backwards", "frame %d was captured %d µs before the one before", s.frame,
				last-s.captured)
		}
		last = s.captured
	}
}

func sendParity(t *trial) {
	rows := 0
	for _, f := range t.watch().frames {
		jpeg := joined(f)
		for _, a := range f {
			if jpeg == nil || !a.seg.isParity() {
				continue
			}
			t.checkParity(jpeg, a.seg)
			rows++
		}
	}
	if rows == 0 {
		t.broken("some parity: give COMMAND the option for it", "no parity in %d frames", len(t.watch().frames))
	}
}

// checkParity breaks the rule if a parity segment is not what the code says.
func (t *trial) checkParity(jpeg []byte, s *segment) {
	l := layout{length: len(jpeg), blocks: s.blocks, k: s.k, stride: ceil(ceil(s.length, s.blocks*s.k), 64) * 64}
	want := parityOf(jpeg, l, *s, int(s.block), s.row()).payload
	if !bytes.Equal(want, s.payload) {
		at := 0
		for at < len(want) && at < len(s.payload) && want[at] == s.payload[at] {
			at++
		}
		t.broken(fmt.Sprintf("row %d of block %d of frame %d, with k = %d: %x… from byte %d on", s.row(), s.block, s.frame, s.k,
			want[at:min(at+8, len(want))], at), "%x…", s.payload[min(at, len(s.payload)):min(at+8, len(s.payload))])
	}
}
