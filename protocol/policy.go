package protocol

import "time"

// The policy of asking and ordering: how long a receiver waits, what it asks for, and how often it reports.
const (
	// reportInterval is the time between two reports where all is well. It is short enough that a sender soon notices
	// that its receiver has gone, and that the two clocks stay compared.
	reportInterval = 200 * time.Millisecond

	// urgentInterval is the least time between two reports where a train tells of trouble. It bounds the cost of many
	// small frames.
	urgentInterval = 10 * time.Millisecond

	// slowTrain is a train's duration from which it is reported at once, although nothing of it is lost: the path may
	// carry less than is sent. 100 kB take that long at 400 Mbit/s. On faster paths a report for each frame would cost
	// too much.
	slowTrain = 2 * time.Millisecond

	// earlyReports is how long after joining a receiver reports every train: the sender does not know the path yet.
	earlyReports = time.Second

	// tailWait is how long a frame may be silent, beyond the longest recent gap within frames, before its last datagrams
	// are taken to be lost. Senders that pace leave gaps of a millisecond, and Go's timers round up to the next one.
	tailWait = 2500 * time.Microsecond

	// maxReorder bounds how late a datagram may be before it is taken to be lost.
	maxReorder = 20 * time.Millisecond

	// orderMemory is the share of the measured delays that is forgotten with each frame, as a divisor. After some 64
	// frames, two seconds of video, an old disturbance no longer counts.
	orderMemory = 64

	// guessedRTT stands for the round trip before it has been measured.
	guessedRTT = 20 * time.Millisecond

	// latencyTrips is for how many round trips a whole frame waits for an older one: the request, the answer, and one
	// repetition of both. latencySlack is added for busy machines.
	latencyTrips = 3
	latencySlack = 10 * time.Millisecond

	// maxLatency bounds that wait: it is less than what people notice in a conversation.
	maxLatency = 150 * time.Millisecond

	// patienceSlack is added to the round trip before the sender is asked again, for busy machines.
	patienceSlack = 2 * time.Millisecond

	// maxAsks is how often a sender is asked for the same frame.
	maxAsks = 8

	// maxUnanswered is the number of repeated requests in a row after which a sender is thought not to answer any more:
	// its path is overloaded, or requests are lost. Then no frame waits for it.
	maxUnanswered = 4

	// maxAskedGap is the most frames between two others that are asked for when nothing of them came.
	maxAskedGap = 8

	// finishedKept is how many finished frames a stream remembers, so that their late datagrams are counted.
	finishedKept = 2

	// requestShare and reportShare bound the cost of feedback: a request is sent if all feedback so far is at most one
	// byte for 8 received, a report if it is at most one for 2. Requests leave room for reports, for reports tell the
	// sender that only announcements arrive. Without the bound a forged stream could have this receiver send more to
	// somebody than it costs to forge.
	requestShare = 8
	reportShare  = 2

	// aliveAfter is how long a stream must go on sending, after another took its name, to count as alive. Before that
	// its datagrams may be the last of a sender that was restarted.
	aliveAfter = 300 * time.Millisecond
)

// A timing is how long things take between a sender and this receiver. The zero value knows nothing.
type timing struct {
	clock      RemoteClock
	reorder    time.Duration // how late datagrams come that are not lost
	gap        time.Duration // the longest between two datagrams of a frame
	unanswered int           // requests in a row that had to be repeated
}

// latency is how long a whole frame waits for an older one.
func (t *timing) latency(c *AssemblerConfig) time.Duration {
	switch {
	case t.unanswered >= maxUnanswered:
		return 0
	case c.Latency != 0:
		return c.Latency
	case c.OneWay:
		return t.lateness()
	}
	// The shortest round trip counts: if an overloaded path has made it longer, waiting does not help.
	_, half, ok := t.clock.Offset()
	if !ok {
		half = guessedRTT / 2
	}
	return min(latencyTrips*(2*half+t.lateness())+latencySlack, maxLatency)
}

// lateness is how late a datagram may be before it is taken to be lost.
func (t *timing) lateness() time.Duration { return t.reorder + t.reorder/4 }

// patience is how long an answer may take before the sender is asked again.
func (t *timing) patience() time.Duration {
	rtt, ok := t.clock.RTT()
	if !ok {
		rtt = guessedRTT
	}
	return rtt + rtt/4 + t.lateness() + patienceSlack
}

// fade forgets a little of what was measured, once a frame.
func (t *timing) fade() {
	t.reorder -= t.reorder / orderMemory
	t.gap -= t.gap / orderMemory
}
