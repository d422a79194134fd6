package conform

import (
	"time"
)

func recvParity(t *trial) {
	c := t.receiver()
	var all []*frame
	for i, lost := range [][]int{{0}, {27}, {0, 9, 18, 27}, {4, 5, 6, 7}, {10, 28}} {
		f := c.frame(picture(1000+i, 28*1408-100), 4)
		c.send(f.without(lost...)...)
		t.shows(f, showWait, "as many lost segments as there is parity are repaired")
		sent := time.Now()
		time.Sleep(30 * time.Millisecond)
		for _, h := range c.said(requestOf(f.id)) {
			if h.at.After(sent) { // before that, the camera may have paused on a busy machine
				t.broken("a frame that parity repairs is not asked for", "a request for %d segments", h.request.need)
			}
		}
		all = append(all, f)
	}
	t.inOrder("repaired frames are shown byte for byte", all...)
}

func recvWorstRows(t *trial) {
	c := t.receiver()
	c.size = 448
	for i, w := range []struct {
		length int
		lose   []int // data segments
		rows   []int // of each block
	}{{least, []int{0}, []int{254}}, {500, []int{0, 1}, []int{253, 252}},
		{5 * 448, []int{0, 1, 2, 3, 4}, []int{250, 0, 127, 128, 249}},
		{192*448 - 1, []int{0, 100, 191}, []int{63, 0, 31}}, {200 * 448, []int{0, 1, 198, 199}, []int{155, 7}}} {
		f := c.frame(picture(1000+i, w.length), 0)
		if f.layout.n == 1 || f.layout.k == len(w.lose) {
			w.lose = nil
			for j := range f.layout.n {
				w.lose = append(w.lose, j)
			}
		}
		c.send(f.without(w.lose...)...)
		for b := range f.layout.blocks {
			for _, row := range w.rows {
				c.send(f.parityRow(b, min(row, 255-f.layout.k)))
			}
		}
		t.shows(f, showWait, "any k shards of a block give the rest")
	}
}

func recvChangingParity(t *trial) {
	c := t.receiver()
	var all []*frame
	for i := range 6 {
		f := c.frame(picture(1000+i, 20_000), []int{0, 5, 1, 200, 3, 0}[i])
		for j := range f.segments {
			if i == 4 && j%2 == 0 {
				f.segments[j].p = 7 // as another network would bring it
			}
		}
		c.send(f.segments...)
		t.shows(f, showWait, "p may be another one from frame to frame, and from network to network")
		all = append(all, f)
	}
	t.inOrder("p may be another one from frame to frame, and from network to network", all...)
}

func recvSkip(t *trial) {
	c := t.receiver()
	for i := range 3 {
		left := c.jump(3)
		c.skip(left, left+2)
		f := c.whole(picture(1000+i, 3000), 0)
		t.shows(f, showWait, "the frame after those that are left out is shown")
		time.Sleep(50 * time.Millisecond)
		for id := left; id < left+3; id++ {
			if len(c.said(requestOf(id))) > 0 {
				t.broken("frames that a Skip names are not asked for", "a request for frame %d", id)
			}
		}
	}
	time.Sleep(300 * time.Millisecond)
	for _, h := range c.said(isReport) {
		for _, tr := range h.report.trains {
			if tr.came == 0 {
				t.broken("frames that a Skip names are not reported as lost", "a train of frame %d of which nothing came", tr.frame)
			}
		}
	}
}
