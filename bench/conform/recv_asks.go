package conform

import (
	"fmt"
	"time"
)

var recvAskRules = []Rule{
	{"asks", Receiver, "Request", "a block that lacks more than its parity is asked for, with k and the missing segments",
		true, true, false, recvAsks},
	{"asks-blocks", Receiver, "Request", "each block has a request of its own", true, true, false, recvAsksBlocks},
	{"asks-whole", Receiver, "Request", "a frame of which nothing came is asked for with k = 0",
		true, true, false, recvAsksWhole},
	{"answers", Receiver, "Request", "answers are taken: parity of any row as type 10, data as type 9",
		true, true, false, recvAnswers},
	{"asks-again", Receiver, "Request", "it asks again after 1.25 round trips and 2 ms, eight times at most",
		true, true, false, recvAsksAgain},
	{"reports", Receiver, "Report", "a report leaves every 200 ms, and not within 10 ms of the last one",
		true, true, false, recvReports},
	{"report-echo", Receiver, "Clock echo", "reports echo the last announcement, to the microsecond",
		true, true, false, recvEcho},
	{"report-trains", Receiver, "Report", "each frame is reported once, with what came and what did not",
		true, true, false, recvTrains},
	{"report-missing", Receiver, "Report", "a frame of which nothing came is a train of zeros",
		true, true, false, recvMissingTrain},
	{"report-times", Receiver, "Report", "a train says how long it took, by its pace too", true, true, false, recvTimes},
	{"feedback-share", Receiver, "Request", "feedback has at most a byte for each two that came",
		false, true, false, recvShare},
	{"feedback-address", Receiver, "udpcam/1", "feedback leaves from the address that the datagram was sent to",
		true, true, false, recvAddress},
}

func recvAsks(t *trial) {
	c := t.receiver()
	for i, lost := range [][]int{{2, 3, 5}, {0, 27}, {9, 10, 11, 12, 27}} {
		f := c.frame(picture(1000+i, 28*1408-100), 1)
		c.send(f.without(lost...)...)
		want := requested{0, f.id, len(lost) - 1, 28, lost}
		t.askedFor(c, want)
		c.send(parityAnswers(f, 0, 1, want.need)...)
		t.shows(f, showWait, "the answer makes the frame whole")
	}
	c.checkStrange()
}

// askedFor waits for a request with these fields. Others may come before it, if the machine is so busy that the camera has
// paused.
func (t *trial) askedFor(c *camera, want requested) {
	text, last := fmt.Sprintf("%+v", want), "nothing"
	if !until(showWait, func() bool {
		for _, h := range c.said(requestOf(want.frame)) {
			if last = fmt.Sprintf("%+v", *h.request); last == text {
				return true
			}
		}
		return false
	}) {
		t.broken("a request with "+text, "%s", last)
	}
}

func parityAnswers(f *frame, block, from, n int) (all []segment) {
	for j := range n {
		all = append(all, f.parityRow(block, from+j))
	}
	return all
}

func recvAsksBlocks(t *trial) {
	c := t.receiver()
	c.size = 448
	f := c.frame(picture(1000, 400*448), 1) // three blocks of 134
	c.send(f.without(0, 3, 6, 4, 2, 5)...)  // of block 0 three, of block 1 one, of block 2 two
	sent := time.Now()
	for _, want := range []requested{{0, f.id, 2, 134, []int{0, 1, 2}}, {2, f.id, 1, 134, []int{0, 1}}} {
		t.askedFor(c, want)
	}
	for _, h := range c.said(requestOf(f.id)) {
		// A busy machine may send half of the frame, and pause. What is asked for then is more than one segment.
		if h.request.block == 1 && len(h.request.missing) == 1 && h.at.Sub(sent) > 50*time.Millisecond {
			t.broken("block 1, of which one segment is missing, has parity enough", "a request for %d of it", h.request.need)
		}
	}
	c.send(append(parityAnswers(f, 0, 1, 2), parityAnswers(f, 2, 1, 1)...)...)
	t.shows(f, showWait, "the answers make the frame whole")
}

func recvAsksWhole(t *trial) {
	c := t.receiver()
	f, g := c.frame(picture(1000, 20_000), 0), c.frame(picture(1001, 3000), 0)
	c.send(g.segments...)
	r := t.asked(c, f.id, "a frame is asked for of which nothing came")[0].request
	if r.need != 0 || r.k != 0 || len(r.missing) > 0 {
		t.broken("need 0 and k 0: all of it is wanted", "need %d, k %d", r.need, r.k)
	}
	for _, s := range f.segments {
		s.typ |= answering
		c.send(s)
	}
	t.shows(f, showWait, "a frame is shown all of which came as an answer")
	t.shows(g, showWait, "the next frame is shown after it")
}

func recvAnswers(t *trial) {
	c := t.receiver()
	f := c.frame(picture(1000, 28*1408-100), 0)
	c.send(f.without(1, 2, 3)...)
	t.asked(c, f.id, "a frame is asked for")
	s := f.segments[2]
	s.typ |= answering
	c.send(s, f.parityRow(0, 227), f.parityRow(0, 100))
	t.shows(f, showWait, "data of type 9 and parity of type 10, of any row, make the frame whole")
}

func recvAsksAgain(t *trial) {
	c := t.silent()
	c.trip.Store(int64(60 * time.Millisecond))
	c.goOn()
	t.opening(c)
	for i := 0; i < 15; i++ { // the round trip becomes known
		c.whole(picture(900+i, 3000), 0)
		time.Sleep(50 * time.Millisecond)
	}
	f := c.frame(picture(1000, 28*1408), 0)
	c.send(f.without(1, 2, 3)...)
	time.Sleep(2 * time.Second) // longer than the deadline
	all := c.said(requestOf(f.id))
	switch {
	case len(all) < 2:
		t.broken("it asks again if no answer comes", "%d requests in 2 s", len(all))
	case len(all) > 8:
		t.broken("it asks eight times at most", "%d requests", len(all))
	}
	// On average: one of them may have been delayed on its way.
	if gap := all[len(all)-1].came.Sub(all[0].came) / time.Duration(len(all)-1); gap < 60*time.Millisecond {
		t.broken("with a round trip of 60 ms it asks again after 77 ms", "%d requests, one every %v", len(all),
			gap.Round(time.Millisecond))
	}
}
