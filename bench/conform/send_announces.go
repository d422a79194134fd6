package conform

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

func sendAnnouncements(t *trial) {
	c := t.watch()
	all := c.viewer.all(isAnnouncement)
	for i, f := range c.frames[:min(5, len(c.frames))] {
		after := time.Time{}
		if i > 0 {
			after = c.frames[i-1][0].at
		}
		if !slices.ContainsFunc(all, func(a arrival) bool { return a.at.After(after) && a.at.Before(f[0].at) }) {
			t.broken("an announcement before each of the first frames", "none before frame %d", i+1)
		}
	}
	end := c.frames[len(c.frames)-1][0].at
	if len(c.frames) > 20 {
		begin := c.frames[12][0].at
		n := 0
		for _, a := range all {
			if a.at.After(begin) && a.at.Before(end) {
				n++
			}
		}
		if a := float64(n) / end.Sub(begin).Seconds(); a < 3 || a > 12 {
			t.broken("some five announcements a second after the tenth frame", "%.1f a second", a)
		}
	}
	for _, a := range all {
		p := a.prefix
		if p.countdown != 0 || p.block != 0 || p.session != c.frames[0][0].seg.session || p.stream != c.frames[0][0].seg.stream {
			t.broken("countdown and block of an announcement are 0, session and stream those of the segments", "%+v", p)
		}
		if n := a.ann; len(n.name) > 64 || n.width != 0 && (n.width != 16 || n.height != 16) {
			t.broken("a name of 64 bytes at most, and 16 × 16 pixels", "%q, %d × %d", n.name, n.width, n.height)
		}
	}
}

func sendNewest(t *trial) {
	c := t.watch()
	begun := map[uint32]time.Time{}
	for _, f := range c.frames {
		begun[f[0].seg.frame] = f[0].at
	}
	first := c.frames[0][0].seg.frame
	for _, a := range c.viewer.all(isAnnouncement) {
		if a.at.Before(c.frames[0][0].at) {
			continue // no frame was begun yet
		}
		at, known := begun[a.ann.newest]
		_, next := begun[a.ann.newest+1]
		switch {
		case !known && a.ann.newest != first-1:
			t.broken("the ID of the newest frame", "%d, and the frames are %d to %d", a.ann.newest, first,
				first+uint32(len(c.frames))-1)
		case known && at.Sub(a.at) > 500*time.Millisecond:
			t.broken("the ID of the newest frame that was begun", "%d, which comes %v later", a.ann.newest, at.Sub(a.at))
		case next && a.at.Sub(begun[a.ann.newest+1]) > 500*time.Millisecond:
			t.broken("the ID of the newest frame", "%d, %v after the next one had come", a.ann.newest,
				a.at.Sub(begun[a.ann.newest+1]))
		}
	}
}

func sendEcho(t *trial) {
	c := t.watch()
	c.viewer.mu.Lock()
	reports := slices.Clone(c.viewer.reports)
	c.viewer.mu.Unlock()
	echoed := map[uint64]bool{}
	for _, a := range c.viewer.all(isAnnouncement) {
		e := a.ann.echo
		if d := int64(stamp(a.at) - e.sent); d < -1_000_000 || d > 1_000_000 {
			t.broken("Sent is the sender's clock in microseconds since the Unix epoch, modulo 2⁴⁸", "%d µs before it came", d)
		}
		if e.held == 0 {
			continue
		}
		if !slices.Contains(reports, e.echo) {
			t.broken("Echo is the Sent of a report", "Echo %d, which no report had", e.echo)
		}
		if d := int64(stamp(a.at)-e.echo) - int64(e.held); d < -1000 || d > 1_000_000 {
			t.broken("Held is the time since the report came, in microseconds", "Held %d µs, and the report left %d µs ago", e.held,
				stamp(a.at)-e.echo)
		}
		if t.sealed() && !bytes.HasPrefix(a.ann.more, c.viewer.own.origin[:]) {
			t.broken("the receiver's ID stands behind the name", "%x", a.ann.more)
		}
		echoed[e.echo] = true
	}
	if len(echoed) < 3 {
		t.broken("announcements echo the newest report", "%d different reports of %d are echoed", len(echoed), len(reports))
	}
}

func sendSession(t *trial) {
	seen := map[string]bool{}
	for range 3 {
		v := t.sender()
		f := v.wantsFrame(picture(1, 3000))
		v.mu.Lock()
		id := fmt.Sprintf("session %06x, salt %x", f[0].seg.session, v.salt)
		v.mu.Unlock()
		if seen[id] {
			t.broken("another session each time", "%s again", id)
		}
		seen[id] = true
		t.program.End()
	}
}

func sendEnds(t *trial) {
	v := t.sender()
	v.wantsFrame(picture(1, 40_000))
	last := picture(2, 40_000)
	t.feed(last)
	t.program.Stdin.Close()
	if status, ended := t.program.Exit(10 * time.Second); !ended || status != 0 {
		t.broken("it ends with status 0", "ended: %v, status %d", ended, status)
	}
	if f := v.frames(); !bytes.Equal(joined(f[len(f)-1]), last) {
		t.broken("the last picture has been sent", "it has not come")
	}
}
