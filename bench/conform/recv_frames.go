package conform

import (
	"slices"
	"time"
)

var recvRules = slices.Concat([]Rule{
	{"layouts", Receiver, "Segments", "frames of all sizes come, cut into segments of all sizes",
		true, true, false, recvLayouts},
	{"any-order", Receiver, "Segments", "any datagram of a frame may be the first", true, true, false, recvAnyOrder},
	{"join", Receiver, "How a receiver assembles", "a stream that is joined within a frame is shown from the next frame on",
		true, true, false, recvJoin},
	{"duplicates", Receiver, "How a receiver assembles", "what comes twice is shown once", true, true, false, recvDuplicates},
	{"order", Receiver, "How a receiver assembles", "frames are handed on in the order of their IDs, also if a whole one waits",
		true, true, false, recvOrder},
	{"latency", Receiver, "How a receiver assembles",
		"a whole frame waits for an older one 150 ms at most, and frames never go backwards",
		true, true, false, recvLatency},
	{"deadline", Receiver, "How a receiver assembles", "a frame that is not whole after a second is dropped",
		true, true, false, recvDeadline},
	{"wrap", Receiver, "Segments", "frame IDs wrap", false, true, false, recvWrap},
	{"name", Receiver, "Announcement", "frames are held back until the stream has a name, for a second at most",
		false, true, false, recvName},
	{"later-versions", Receiver, "Announcement", "bytes behind the known fields are ignored",
		true, true, false, recvLaterVersions},
	{"restart", Receiver, "udpcam/1", "a sender that starts again has another session, and is shown",
		true, true, false, recvRestart},
	{"other-ids", Receiver, "Strangers", "a stream that goes on at other frame IDs is shown again",
		false, true, false, recvOtherIDs},
	{"two-streams", Receiver, "udpcam/1", "a second sender with the same session and IDs spoils nothing",
		false, true, false, recvTwoStreams},
	{"parity", Receiver, "Repair", "parity alone repairs a frame", true, true, false, recvParity},
	{"worst-rows", Receiver, "Repair", "any rows repair any segments", true, true, false, recvWorstRows},
	{"changing-parity", Receiver, "Segments", "the amount of parity may change, also within a frame",
		true, true, false, recvChangingParity},
	{"skip", Receiver, "Skip", "frames that the sender leaves out are neither waited nor asked for",
		true, true, false, recvSkip},
}, recvAskRules, recvRefuseRules, recvSealedRules)

func recvLayouts(t *trial) {
	c := t.receiver()
	var all []*frame
	for i, f := range []struct{ length, size int }{{least, 1408}, {448, 448}, {449, 448}, {500, 448}, {1408, 1408},
		{1409, 1408}, {2816, 1408}, {80_000, 1408}, {86_016, 448}, {86_017, 448}, {180_001, 448}, {80_000, 8960},
		{300_000, 1152}, {1_000_000, 1408}, {200_000, 64_448}} {
		c.size = f.size
		all = append(all, c.whole(picture(1000+i, max(f.length, least)), i%3))
		t.shows(all[i], showWait, "every frame is shown, byte for byte")
	}
	t.inOrder("every frame is shown, byte for byte", all...)
	c.checkStrange()
}

func recvAnyOrder(t *trial) {
	c := t.receiver()
	f, g := c.frame(picture(1000, 40_000), 2), c.frame(picture(1001, 40_000), 0)
	slices.Reverse(f.segments)
	c.send(f.segments...)
	for i := range g.segments { // every third, then the next ones
		j := i * 7 % len(g.segments)
		g.segments[i], g.segments[j] = g.segments[j], g.segments[i]
	}
	c.send(g.segments...)
	t.shows(g, showWait, "frames are made of segments in any order")
	t.inOrder("frames are made of segments in any order", f, g)
}

func recvJoin(t *trial) {
	c := t.silent()
	f := c.frame(picture(999, 40_000), 0)
	c.send(f.segments[len(f.segments)/2:]...) // its beginning was sent before the receiver listened
	c.goOn()
	t.opening(c)
	t.hides(f, 0, "a frame of which the beginning was sent before is not shown")
	if n := len(c.said(requestOf(f.id))); n > 8 {
		t.broken("a frame that is joined in its middle is not asked for again and again", "%d requests for it", n)
	}
}

func recvDuplicates(t *trial) {
	c := t.receiver()
	var all []*frame
	for i := range 4 {
		f := c.frame(picture(1000+i, 20_000), 1)
		for _, s := range f.segments {
			c.send(s, s)
		}
		c.send(f.segments...)
		all = append(all, f)
	}
	t.shows(all[3], showWait, "frames that come twice are shown")
	c.send(all[0].segments...)
	last := c.whole(picture(1100, 3000), 0)
	t.shows(last, showWait, "frames go on")
	t.inOrder("each frame is shown once", append(all, last)...)
}

func recvOrder(t *trial) {
	c := t.receiver()
	for i := range 3 {
		f, g := c.frame(picture(1000+2*i, 20_000), 0), c.frame(picture(1001+2*i, 3000), 0)
		c.send(f.without(3)...)
		c.send(g.segments...)
		c.send(f.segments[3]) // reordered by the network: after a datagram of a newer frame
		t.shows(g, showWait, "a whole frame is shown after the older one")
		t.inOrder("the older frame is shown first", f, g)
	}
}

func recvLatency(t *trial) {
	c := t.receiver()
	f, g := c.frame(picture(1000, 20_000), 0), c.frame(picture(1001, 3000), 0)
	c.send(f.without(3, 4)...)
	c.send(g.segments...)
	began := time.Now()
	const expected = "a whole frame waits for an older one 150 ms at most"
	if waited := t.shows(g, showWait, expected).Sub(began); waited > time.Second {
		t.broken(expected, "it waited for %v", waited.Round(time.Millisecond))
	}
	c.send(f.segments[3:5]...) // too late
	h := c.whole(picture(1002, 3000), 0)
	t.shows(h, showWait, "frames go on")
	t.inOrder("an older frame is not shown after a newer one", g, h)
}

func recvDeadline(t *trial) {
	c := t.receiver()
	f := c.frame(picture(1000, 20_000), 0)
	c.send(f.without(3, 4)...)
	time.Sleep(1300 * time.Millisecond)
	c.send(f.segments[3:5]...)
	t.hides(f, 300*time.Millisecond, "a frame that is not whole one second after its first segment is dropped")
	g := c.whole(picture(1001, 3000), 0)
	t.shows(g, showWait, "frames go on after that")
}

func recvWrap(t *trial) {
	c := t.silent()
	c.jump(-c.next - 3)
	c.goOn()
	t.opening(c)
	var all []*frame
	for i := range 6 {
		f := c.whole(picture(1000+i, 3000), 0)
		t.shows(f, showWait, "ID 0 follows 4,294,967,295")
		all = append(all, f)
	}
	t.inOrder("ID 0 follows 4,294,967,295", all...)
}

func recvName(t *trial) {
	c := t.silent()
	began := time.Now()
	var frames []*frame
	for i := 0; len(t.program.shown()) == 0 && time.Since(began) < 4*time.Second; i++ {
		frames = append(frames, c.whole(picture(1000+i, 3000), 0))
		time.Sleep(50 * time.Millisecond)
	}
	all := t.program.shown()
	if len(all) == 0 {
		t.broken("after a second without an announcement the name is the sender's address", "nothing is shown in 4 s")
	}
	if waited := all[0].at.Sub(began); waited < 800*time.Millisecond {
		t.broken("a stream's frames are held back for a second until it is announced", "a frame is shown after %v",
			waited.Round(time.Millisecond))
	}
	if len(all) > 1 && slices.Equal(all[0].jpeg, frames[0].jpeg) {
		t.broken("of the frames that are held back, only the newest is kept", "the first frame is shown a second later")
	}
}

func recvLaterVersions(t *trial) {
	c := t.silent()
	c.tail = append([]byte{0}, "something new"...)
	if !c.sealed() {
		c.tail = append(make([]byte, 16), c.tail...)
	}
	c.goOn()
	began := time.Now()
	t.opening(c)
	const expected = "announcements with more fields are read: without them a stream is shown only after a second"
	if took := time.Since(began); took > 900*time.Millisecond {
		t.broken(expected, "the first frame is shown after %v", took.Round(time.Millisecond))
	}
	left := c.jump(2)
	c.write(c.control(skip, append([]byte{byte(left >> 24), byte(left >> 16), byte(left >> 8), byte(left),
		0, 0, 0, byte(left + 1)}, "something new"...)))
	f := c.whole(picture(1000, 3000), 0)
	t.shows(f, showWait, "a Skip with more fields is read")
	if len(c.said(requestOf(left))) > 0 {
		t.broken("a Skip with more fields is read", "a request for a frame that it names")
	}
}

func recvRestart(t *trial) {
	c := t.receiver()
	c.whole(picture(1000, 20_000), 1)
	c.renew() // from the same address
	t.opening(c)
	d := t.newCamera(c.to) // and from another one
	time.Sleep(600 * time.Millisecond)
	c.conn.Close()
	d.goOn()
	t.opening(d)
}

func recvOtherIDs(t *trial) {
	c := t.receiver()
	for _, far := range []uint32{100_000, ^uint32(50_000)} {
		c.jump(far)
		began := time.Now()
		t.opening(c)
		if took := time.Since(began); took > 5*time.Second {
			t.broken("a stream goes on at other IDs when three frames have come there and 250 ms have passed", "it took %v", took)
		}
	}
}

func recvTwoStreams(t *trial) {
	c := t.receiver()
	d := t.newCamera(c.to)
	d.mu.Lock()
	d.session, d.name, d.next = c.session, "yard", c.next
	d.mu.Unlock()
	var all []*frame
	for i := range 20 {
		f, g := c.frame(picture(1000+i, 8000), 0), d.frame(picture(2000+i, 8000), 0)
		for at := range f.segments {
			if at%2 == 0 {
				c.send(f.segments[at])
			}
			d.send(g.segments[at])
			if at%2 == 1 {
				c.send(f.segments[at])
			}
		}
		all = append(all, f)
		time.Sleep(10 * time.Millisecond)
	}
	for _, f := range all {
		t.shows(f, showWait, "the first stream's frames are shown, whole and unmixed")
	}
	for _, s := range t.program.shown() {
		if n := len(s.jpeg); n != 8000 && n != 3000 {
			t.broken("pictures of both streams are whole", "one of %d bytes is shown", n)
		}
	}
}
