package protocol

import (
	"encoding/binary"
	"time"
)

const (
	// MaxTrains is the most trains in a report.
	MaxTrains = 8

	reportSize = prefixSize + clockSize + 8 // without trains
	trainSize  = 28
)

// A Report tells a sender what a receiver has got of its stream: the trains that have ended since the last report, and
// how large the datagrams are that come. A receiver reports some times a second, and at once where a train tells of
// trouble.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|       0       |  Magic 0xCA   |S|Ver=1| Type=4|    Stream     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                    Session                    |       0       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                     Clock echo, 16 bytes                      |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|       Largest datagram        |             Late              |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|    Trains     |               Age, milliseconds               |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  the trains, oldest first …
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-
type Report struct {
	// Largest is how many bytes the largest datagram had that came since the last report, 0 if none came. A path that
	// drops large datagrams without a word shows in it.
	Largest int
	// Age is for how long the receiver has followed the stream; milliseconds on the wire, up to four and a half hours. A
	// receiver that is overwhelmed forgets streams and finds them again.
	Age time.Duration
	// Late is how many datagrams came since the last report of trains that had been reported without them.
	Late int
	// Trains are those that ended since the last report, oldest first, at most MaxTrains.
	Trains []Train
}

// A Train is what came of one frame's datagrams as they were first sent, data and parity, answers to requests left out.
// It tells what the path carries, how long it keeps datagrams waiting, and what it loses.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                           Frame ID                            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|            First: when the first datagram came                |
//	+                               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                               |             Came              |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|      Took: from the first to the last, microseconds           |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|      Span, microseconds                                       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|     Lost in the first half    |    Lost in the second half    |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|     Runs of lost datagrams    |               0               |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type Train struct {
	FrameID uint32
	// First is when the first datagram came, by the receiver's clock, where the system can tell by the kernel's.
	// A timestamp on the wire.
	First time.Time
	// Came is how many datagrams came, 0 if the whole frame is missing.
	Came int
	// Took is how long after the first the last datagram came.
	Took time.Duration
	// Span is how long the whole train would have taken at the pace at which datagrams came, 0 if they came all at once:
	// the slope of a straight line through all arrivals (least squares, place in order of sending against time) times
	// the length of the train. Jitter, which spoils Took, cancels out; where many in a row are lost, Took is right.
	Span time.Duration
	// LostFirst and LostSecond are how many datagrams did not come of the first half of the train and of the second: a
	// queue that overflows loses the end, a radio loses anywhere. Runs is how many runs of neighbours did not come.
	LostFirst, LostSecond, Runs int
}

// Lost is how many datagrams of the train did not come, as far as its receiver can tell: 0 if none came.
func (t Train) Lost() int { return t.LostFirst + t.LostSecond }

func (t Train) append(b []byte) []byte {
	first := uint64(0)
	if !t.First.IsZero() {
		first = timestamp(t.First)
	}
	b = binary.BigEndian.AppendUint32(b, t.FrameID)
	b = binary.BigEndian.AppendUint64(b, first<<16|uint64(uint16(t.Came)))
	for _, d := range []time.Duration{t.Took, t.Span} {
		b = binary.BigEndian.AppendUint32(b, uint32(min(max(d.Microseconds(), 0), 1<<32-1)))
	}
	for _, n := range []int{t.LostFirst, t.LostSecond, t.Runs, 0} {
		b = binary.BigEndian.AppendUint16(b, uint16(min(n, 1<<16-1)))
	}
	return b
}

// parseTrain reads the first trainSize bytes of b, which came about now.
func parseTrain(b []byte, now time.Time) Train {
	half := func(at int) int { return int(binary.BigEndian.Uint16(b[at:])) }
	micros := func(at int) time.Duration { return time.Duration(binary.BigEndian.Uint32(b[at:])) * time.Microsecond }
	return Train{
		FrameID:    binary.BigEndian.Uint32(b),
		First:      timeNear(binary.BigEndian.Uint64(b[4:])>>16, now),
		Came:       half(10),
		Took:       micros(12),
		Span:       micros(16),
		LostFirst:  half(20),
		LostSecond: half(22),
		Runs:       half(24),
	}
}

func (r Report) append(b []byte, session uint32, stream uint8, c clockEcho) []byte {
	b = prefix{Type: typeReport, Session: session, Stream: stream}.append(b)
	b = c.append(b)
	b = binary.BigEndian.AppendUint16(b, uint16(r.Largest))
	b = binary.BigEndian.AppendUint16(b, uint16(min(r.Late, 1<<16-1)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Trains))<<24|uint32(min(max(r.Age.Milliseconds(), 0), 1<<24-1)))
	for _, t := range r.Trains {
		b = t.append(b)
	}
	return b
}

// parseReport reads a report that came about now. What follows the last train is ignored.
func parseReport(b []byte, now time.Time) (Report, clockEcho, error) {
	if len(b) < reportSize {
		return Report{}, clockEcho{}, ErrMalformed
	}
	rest := b[prefixSize+clockSize:]
	word := binary.BigEndian.Uint32(rest[4:])
	n := int(word >> 24)
	r := Report{
		Largest: int(binary.BigEndian.Uint16(rest)),
		Late:    int(binary.BigEndian.Uint16(rest[2:])),
		Age:     time.Duration(word&(1<<24-1)) * time.Millisecond,
	}
	rest = rest[8:]
	if n > MaxTrains || len(rest) < n*trainSize {
		return Report{}, clockEcho{}, ErrMalformed
	}
	for i := range n {
		r.Trains = append(r.Trains, parseTrain(rest[i*trainSize:], now))
	}
	return r, parseClockEcho(b[prefixSize:]), nil
}
