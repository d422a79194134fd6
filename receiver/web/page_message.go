package web

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// The server and the page talk in binary WebSocket messages, whose first byte says what they are. Numbers are in network
// byte order. Times are microseconds since the Unix epoch by this machine's clock.
//
//	server ──> page picture   type 1, a zero, length of this header (2), number (4), captured (8), came (8), then the JPEG
//	                clock     type 2, a zero, length of this message (2), interval (4), what the page sent (8), time (8),
//	                          newest (8), held (4), way (4)
//	page ──> server taken     type 1, three zeros, number (4), microseconds it was held (4)
//	                clock     type 2, seven zeros, anything (8), which comes back
//	                rate      type 3, a zero, pictures a second (2), at most; 0 is all
//	                way       type 4, on (1), pictures that were shown (2), their bytes (4)
//
// The page asks for the clock twice a second, so the answers are also the server's heartbeat. interval is the time between
// pictures in microseconds, 0 if it is not known. newest is when the stream's newest picture came, 0 if there is none. With
// these the page knows how old the picture on its screen is, and whether a newer one exists. held is how long the server
// kept the question before it answered, in microseconds. way is from captured to came of the newest picture, a signed number
// of microseconds.
//
// Pictures may also come to the page by datagrams, see page/way.js. Then it sends way with on = 1, and no pictures are sent
// here until it sends on = 0. Twice a second it says how many pictures it has shown that came so, since it last said it.
//
// A picture's number counts the pictures of the server. The page sends taken when that picture is on the screen. held is
// the time from the picture's arrival at the page until then. The rest of the time until the server gets taken is the
// network's.
//
// A page without WebSockets gets the same messages by HTTP: see poll.go.
const (
	messagePicture = 1
	messageClock   = 2

	messageTaken = 1
	messageRate  = 3
	messageWay   = 4
)

const (
	pictureHeaderSize = 24
	clockSize         = 40

	// maxMessage is the largest message of a page, in bytes.
	maxMessage = 16
)

// appendPictureMessage appends all of a picture's message but the JPEG, the header of its WebSocket frame included: final,
// binary, not masked (RFC 6455, section 5.2).
func appendPictureMessage(b []byte, number uint32, captured, came time.Time, size int) []byte {
	b = append(b, 0x82)
	switch size += pictureHeaderSize; {
	case size <= 125:
		b = append(b, byte(size))
	case size <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(size))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(size))
	}
	b = append(b, messagePicture, 0)
	b = binary.BigEndian.AppendUint16(b, pictureHeaderSize)
	b = binary.BigEndian.AppendUint32(b, number)
	b = binary.BigEndian.AppendUint64(b, uint64(captured.UnixMicro()))
	return binary.BigEndian.AppendUint64(b, uint64(came.UnixMicro()))
}

// appendClockMessage appends the answer to a page that asked for the time. The feed's newest picture is described in it.
func appendClockMessage(b []byte, f *feed, echo [8]byte, asked, now time.Time) []byte {
	var interval time.Duration
	var newest, way int64
	if p := f.newest.Load().part; p != nil {
		interval, newest, way = p.interval, p.came.UnixMicro(), p.came.Sub(p.captured).Microseconds()
	}
	b = append(b, messageClock, 0)
	b = binary.BigEndian.AppendUint16(b, clockSize)
	b = binary.BigEndian.AppendUint32(b, uint32(min(interval, time.Hour).Microseconds()))
	b = append(b, echo[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(now.UnixMicro()))
	b = binary.BigEndian.AppendUint64(b, uint64(newest))
	b = binary.BigEndian.AppendUint32(b, uint32(now.Sub(asked).Microseconds()))
	return binary.BigEndian.AppendUint32(b, uint32(int32(min(max(way, math.MinInt32), math.MaxInt32))))
}

// A pageMessage is a message from a page, one of four kinds.
type pageMessage struct {
	kind   byte
	number uint32        // taken
	held   time.Duration // taken
	echo   [8]byte       // clock
	rate   int           // pictures a second
	on     bool          // way: pictures come by datagrams
	shown  uint64        // way: pictures
	bytes  uint64        // way: in these pictures
}

var errMessage = errors.New("a message that no page of this server sends")

func parsePageMessage(b []byte) (m pageMessage, err error) {
	if len(b) == 0 {
		return m, errMessage
	}
	switch m.kind = b[0]; {
	case m.kind == messageTaken && len(b) == 12:
		m.number = binary.BigEndian.Uint32(b[4:])
		m.held = time.Duration(binary.BigEndian.Uint32(b[8:])) * time.Microsecond
	case m.kind == messageClock && len(b) == 16:
		m.echo = [8]byte(b[8:])
	case m.kind == messageRate && len(b) == 4:
		m.rate = int(binary.BigEndian.Uint16(b[2:]))
	case m.kind == messageWay && len(b) == 8 && b[1] <= 1:
		m.on = b[1] == 1
		m.shown = uint64(binary.BigEndian.Uint16(b[2:]))
		m.bytes = uint64(binary.BigEndian.Uint32(b[4:]))
	default:
		return m, errMessage
	}
	return m, nil
}
