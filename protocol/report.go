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

// A Report tells a sender what a receiver got of its stream since the last report. A receiver reports several times a
// second, and at once if there is trouble.
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
	// Largest is the number of bytes in the largest datagram that came since the last report, 0 if none came. It shows
	// a path that silently drops large datagrams.
	Largest int
	// Age is how long the receiver has followed the stream. The wire has milliseconds, up to four and a half hours. It may
	// begin again at 0: an overwhelmed receiver forgets streams and finds them again.
	Age time.Duration
	// Late is how many datagrams came since the last report, but belong to trains that were reported without them.
	Late int
	// Trains are the trains that ended since the last report, oldest first, at most MaxTrains.
	Trains []Train
}

// A Train is the datagrams of one frame, data and parity, as a receiver saw them arrive. Answers to requests do not belong
// to it. It shows how fast the path is, how long datagrams wait, and how many are lost.
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
	// First is when the first datagram came, by the receiver's clock: when the kernel got it, where the system tells that.
	// The wire has a timestamp.
	First time.Time
	// Came is how many datagrams came, 0 if the whole frame is missing.
	Came int
	// Took is the time from the first datagram to the last.
	Took time.Duration
	// Span is how long the whole train takes at the pace at which its datagrams came, 0 if they came all at once. That is
	// the slope of a straight line through all arrivals (least squares, time over place in the order of sending), times the
	// length of the train. Jitter spoils Took, but cancels out here. If many datagrams in a row are lost, Took is better.
	Span time.Duration
	// LostFirst and LostSecond are how many datagrams of the first and second half of the train did not come. An
	// overflowing queue loses the end, a radio loses anywhere. Runs is how many runs of neighbours are missing.
	LostFirst, LostSecond, Runs int
}

// Lost is how many datagrams of the train did not come. It is 0 if none came: then the receiver does not know.
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

// parseTrain reads the first trainSize bytes of b. now is about when they came.
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

// parseReport reads a report. now is about when it came. What follows the last train is ignored.
func parseReport(b []byte, now time.Time) (r Report, c clockEcho, err error) {
	if len(b) < reportSize || b[28] > MaxTrains || len(b) < reportSize+int(b[28])*trainSize {
		return r, c, ErrMalformed
	}
	r = Report{
		Largest: int(binary.BigEndian.Uint16(b[24:])),
		Late:    int(binary.BigEndian.Uint16(b[26:])),
		Age:     time.Duration(binary.BigEndian.Uint32(b[28:])&(1<<24-1)) * time.Millisecond,
	}
	for i := range int(b[28]) {
		r.Trains = append(r.Trains, parseTrain(b[reportSize+i*trainSize:], now))
	}
	return r, parseClockEcho(b[prefixSize:]), nil
}
