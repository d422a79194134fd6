package protocol

import (
	"encoding/binary"
	"time"
)

const reportSize = prefixSize + clockSize + 8*4

// A Report tells a sender, some times a second, what a receiver has got of a stream. All counts but the last are since
// the receiver joined the stream and wrap; their differences from one report to the next are what matters. A lost report
// is made up for by the next.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|       0       |  Magic 0xCA   | Ver=1 | Type=4|    Stream     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                    Session                    |       0       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                     Clock echo, 16 bytes                      |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|               Newest frame ID of which anything came          |
//	|               Segments that were sent at first                |
//	|               Segments of these that came                     |
//	|               Runs of segments that did not come              |
//	|               Frames handed on                                |
//	|               Frames dropped                                  |
//	|               Bytes that came, IP and UDP headers left out    |
//	|               Queueing delay now, microseconds                |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type Report struct {
	Newest    uint32 // frame ID
	Expected  uint32 // segments, data and parity, sent without having been asked for, of frames that are done with
	Received  uint32 // of these
	Bursts    uint32 // runs of neighbouring segments that did not come
	Delivered uint32 // frames
	Dropped   uint32 // frames
	Bytes     uint32
	Queueing  time.Duration // by how much frames begin to arrive later than the fastest of the last seconds did; microseconds on the wire
}

// Lost is how many of the segments that were sent at first did not come.
func (r Report) Lost() uint32 { return r.Expected - r.Received }

func (r Report) append(b []byte, session uint32, stream uint8, c clockEcho) []byte {
	b = prefix{Type: typeReport, Session: session, Stream: stream}.append(b)
	b = c.append(b)
	queueing := uint32(min(max(r.Queueing.Microseconds(), 0), 1<<32-1))
	for _, n := range []uint32{r.Newest, r.Expected, r.Received, r.Bursts, r.Delivered, r.Dropped, r.Bytes, queueing} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

// parseReport reads a report. Receivers and senders ignore what follows the last field.
func parseReport(b []byte) (Report, clockEcho, error) {
	if len(b) < reportSize {
		return Report{}, clockEcho{}, ErrMalformed
	}
	field := func(i int) uint32 { return binary.BigEndian.Uint32(b[prefixSize+clockSize+4*i:]) }
	return Report{
		Newest:    field(0),
		Expected:  field(1),
		Received:  field(2),
		Bursts:    field(3),
		Delivered: field(4),
		Dropped:   field(5),
		Bytes:     field(6),
		Queueing:  time.Duration(field(7)) * time.Microsecond,
	}, parseClockEcho(b[prefixSize:]), nil
}
