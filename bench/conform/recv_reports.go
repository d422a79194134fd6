package conform

import (
	"fmt"
	"slices"
	"time"
)

func recvReports(t *trial) {
	c := t.receiver()
	time.Sleep(time.Second)
	for i := range 30 { // many small frames, some of them lost
		f := c.frame(picture(1000+i, 3000), 0)
		c.send(f.without(i % 5)...)
		time.Sleep(3 * time.Millisecond)
	}
	time.Sleep(1500 * time.Millisecond)
	all := c.said(isReport)
	if len(all) < 8 {
		t.broken("a report every 200 ms", "%d reports in 2.5 s", len(all))
	}
	age := time.Duration(0)
	for i, h := range all {
		if p := h.prefix; p.countdown != 0 || p.block != 0 {
			t.broken("countdown and block of a report are 0", "countdown %d, block %d", p.countdown, p.block)
		}
		if h.report.age < age {
			t.broken("the time since the stream was joined only grows", "%v after %v", h.report.age, age)
		}
		age = h.report.age
		if i > 0 {
			// By the receiver's own clock, because the network may bring two at once.
			if gap := h.report.echo.sent - all[i-1].report.echo.sent; gap < 10_000 {
				t.broken("10 ms between two reports at least", "%d µs", gap)
			}
		}
	}
	if age > 20*time.Second || age < time.Second {
		t.broken("the time since the stream was joined, in milliseconds", "%v after some 3 s", age)
	}
	if last := all[len(all)-1].report; last.largest > 200 || last.largest < 41 {
		t.broken("the largest datagram since the last report is an announcement of 41 to 101 bytes", "%d bytes", last.largest)
	}
	c.checkStrange()
}

func recvEcho(t *trial) {
	c := t.receiver()
	time.Sleep(1200 * time.Millisecond)
	c.mu.Lock()
	sent := slices.Clone(c.sent)
	c.mu.Unlock()
	echoed := map[uint64]bool{}
	for _, h := range c.said(isReport) {
		e := h.report.echo
		switch {
		case e.held == 0:
			continue // before the first announcement
		case !slices.Contains(sent, e.echo):
			t.broken("Echo is the Sent of an announcement", "Echo %d, which no announcement had", e.echo)
		case e.held > 400_000:
			t.broken("Held is the time since the announcement came, in microseconds",
				"%d µs, and there was an announcement every 200 ms", e.held)
		}
		echoed[e.echo] = true
		if d := int64(stamp(h.at) - e.sent); d < -5_000_000 || d > 5_000_000 {
			t.broken("Sent is the receiver's clock in microseconds since the Unix epoch, modulo 2⁴⁸",
				"%d µs from this machine's clock", d)
		}
	}
	if len(echoed) < 3 {
		t.broken("reports echo the newest announcement", "%d different announcements echoed in 1.2 s", len(echoed))
	}
}

// trains returns the trains that were reported of some frames.
func (c *camera) trains(within time.Duration, frames ...*frame) map[uint32][]train {
	trains := map[uint32][]train{}
	until(within, func() bool {
		clear(trains)
		for _, h := range c.said(isReport) {
			for _, tr := range h.report.trains {
				if slices.ContainsFunc(frames, func(f *frame) bool { return f.id == tr.frame }) {
					trains[tr.frame] = append(trains[tr.frame], tr)
				}
			}
		}
		return len(trains) == len(frames)
	})
	return trains
}

func recvTrains(t *trial) {
	c := t.receiver()
	patterns := [][]int{{}, {0, 1, 2}, {31}, {5, 15, 16, 17, 30, 31}, {29, 30, 31}, {1, 3, 5, 7, 9, 11}}
	var frames []*frame
	for i, lost := range patterns { // 28 segments of data and 4 of parity
		f := c.frame(picture(1000+i, 28*1408-50), 4)
		c.send(f.without(lost...)...)
		frames = append(frames, f)
		time.Sleep(60 * time.Millisecond)
		for _, s := range f.segments[:28] { // answers do not count
			s.typ |= answering
			c.send(s)
		}
	}
	c.whole(picture(1100, 3000), 0)
	trains := c.trains(showWait, frames...)
	for i, f := range frames {
		all := trains[f.id]
		if len(all) != 1 {
			t.broken("each frame is reported in one train", "frame %d, of which %d of 32 datagrams came, is reported %d times", f.id,
				32-len(patterns[i]), len(all))
		}
		first, second, runs := 0, 0, 0
		for j, at := range patterns[i] {
			if at < 16 {
				first++
			} else {
				second++
			}
			if j == 0 || patterns[i][j-1] != at-1 {
				runs++
			}
		}
		got, want := all[0], train{came: 32 - len(patterns[i]), lost1: first, lost2: second, runs: runs}
		if got.came != want.came || got.lost1 != first || got.lost2 != second || got.runs != runs || got.pad != 0 {
			t.broken(fmt.Sprintf("of 32 datagrams without %v: %d came, missing %d of the first half and %d of the second, in %d runs",
				patterns[i], want.came, first, second, runs),
				"%d came, missing %d and %d, in %d runs; the last two bytes are %d",
				got.came, got.lost1, got.lost2, got.runs, got.pad)
		}
		if d := int64(got.first - f.first.captured); d < -1000 || d > 5_000_000 {
			t.broken("First is when the first datagram came, in microseconds", "%d µs after it was sent", d)
		}
	}
}

func recvMissingTrain(t *trial) {
	c := t.receiver()
	f := c.frame(picture(1000, 20_000), 0)
	c.whole(picture(1001, 3000), 0)
	for i := range 3 {
		time.Sleep(100 * time.Millisecond)
		c.whole(picture(1002+i, 3000), 0)
	}
	all := c.trains(showWait, f)[f.id]
	if len(all) != 1 {
		t.broken("a frame of which nothing came is reported once", "it is reported %d times", len(all))
	}
	if got := all[0]; got != (train{frame: f.id}) {
		t.broken("all fields but the frame's ID are 0", "%+v", got)
	}
}

func recvTimes(t *trial) {
	c := t.receiver()
	f := c.frame(picture(1000, 28*1408), 0)
	began := time.Now()
	for _, s := range f.segments {
		c.send(s)
		time.Sleep(3 * time.Millisecond)
	}
	took := time.Since(began)
	all := c.trains(showWait, f)[f.id]
	if len(all) != 1 {
		t.broken("a frame is reported once", "it is reported %d times", len(all))
	}
	for name, micros := range map[string]uint32{"from first to last": all[0].took, "span": all[0].span} {
		if d := time.Duration(micros) * time.Microsecond; d < took/2 || d > 2*took {
			t.broken(fmt.Sprintf("a frame that left within %v took about as long", took.Round(time.Millisecond)), "%s: %v", name, d)
		}
	}
}

func recvShare(t *trial) {
	c := t.silent()
	f := c.frame(picture(1000, 200_000), 0)
	for _, s := range f.segments[:3] { // what anybody may send, who wants the receiver to flood somebody
		c.send(s)
		time.Sleep(300 * time.Millisecond)
	}
	time.Sleep(1200 * time.Millisecond)
	back := 0
	for _, h := range c.said(func(heard) bool { return true }) {
		back += h.bytes
	}
	if back > c.bytes/2 {
		t.broken(fmt.Sprintf("%d bytes of feedback at most for %d bytes that came", c.bytes/2, c.bytes), "%d bytes", back)
	}
}

func recvAddress(t *trial) {
	c := t.receiver()
	all := c.waits(showWait, isReport)
	if len(all) == 0 {
		t.broken("the receiver reports", "no report in %v", showWait)
	}
	for _, h := range all {
		if h.from.Addr().Unmap() != c.to.Addr() || h.from.Port() != c.to.Port() {
			t.broken(fmt.Sprintf("feedback comes from %v", c.to), "it comes from %v", h.from)
		}
	}
}
