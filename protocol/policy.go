package protocol

import "time"

// The policy of asking and ordering: how long a receiver waits, how often it asks, and how often it reports.
const (
	// reportInterval is the time between two reports if all is well. It is short, so that a sender soon notices that its
	// receiver is gone, and so that the clocks are compared often.
	reportInterval = 200 * time.Millisecond

	// urgentInterval is the least time between two reports if there is trouble. It bounds the cost of many small frames.
	urgentInterval = 10 * time.Millisecond

	// slowTrain is the span from which a train is reported at once, even if nothing of it is lost: the path may carry less
	// than is sent. 100 kB take 2 ms at 400 Mbit/s. A report for each frame would cost too much on faster paths.
	slowTrain = 2 * time.Millisecond

	// earlyReports is how long a receiver reports every train at once after it has joined: the sender does not know the
	// path yet.
	earlyReports = time.Second

	// tailWait is how long a frame may be silent before its last datagrams count as lost. The longest recent gap within
	// frames is added to it. Paced frames have gaps of a millisecond, and Go's timers round up to the next one.
	tailWait = 2500 * time.Microsecond

	// maxReorder bounds how late a datagram may be before it counts as lost.
	maxReorder = 20 * time.Millisecond

	// orderMemory says how fast measured delays are forgotten: each frame takes off one part in orderMemory. After some 64
	// frames, two seconds of video, an old disturbance hardly counts.
	orderMemory = 64

	// guessedRTT is the round trip before it has been measured.
	guessedRTT = 20 * time.Millisecond

	// latencyTrips is how many round trips a whole frame waits for an older one: time for a request and its answer, and for
	// repeating both. latencySlack is added for busy machines.
	latencyTrips = 3
	latencySlack = 10 * time.Millisecond

	// maxLatency bounds that wait. It is less than what people notice in a conversation.
	maxLatency = 150 * time.Millisecond

	// patienceSlack is added to the time after which the sender is asked again, for busy machines.
	patienceSlack = 2 * time.Millisecond

	// maxAsks is how often a sender is asked for the same frame.
	maxAsks = 8

	// maxUnanswered is how many requests in a row may go unanswered. After that the sender is assumed not to answer: its
	// path is overloaded, or requests are lost. Then frames do not wait for answers.
	maxUnanswered = 4

	// maxAskedGap is the most missing frames between two others for which requests are sent.
	maxAskedGap = 8

	// finishedKept is how many finished frames a stream remembers, to count their late datagrams.
	finishedKept = 2

	// requestShare and reportShare bound the cost of feedback. All feedback, with a request, may have one byte for 8
	// received; with a report, one byte for 2. Reports may have more, so that the sender still hears from a receiver that
	// gets only announcements. The bound is for forged streams: this receiver must not send a victim more bytes than the
	// forger has sent.
	requestShare = 8
	reportShare  = 2

	// fellSilent is how long a stream must be silent before another may take its name, and restarted the same for a stream from
	// the same host, which is probably the same sender after a restart. Senders announce their stream every 200 ms.
	fellSilent = 500 * time.Millisecond
	restarted  = 250 * time.Millisecond
)

// A timing is what a receiver has measured of the path to and from a sender. The zero value knows nothing.
type timing struct {
	clock      RemoteClock
	reorder    time.Duration // how late a datagram comes that is not lost
	gap        time.Duration // the longest time between two datagrams of a frame
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
	// The shortest round trip counts. If an overloaded path makes round trips longer, waiting does not help.
	_, half, ok := t.clock.Offset()
	if !ok {
		half = guessedRTT / 2
	}
	return min(latencyTrips*(2*half+t.lateness())+latencySlack, maxLatency)
}

// lateness is how late a datagram may be before it counts as lost.
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
