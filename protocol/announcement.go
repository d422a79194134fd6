package protocol

import (
	"encoding/binary"
	"image"
	"strings"
	"unicode"
	"unicode/utf8"
)

const announcementSize = 20 + clockSize + 1 // without the name

// An Announcement describes a stream: what does not change from frame to frame. A sender repeats it several times a second,
// for receivers that join late.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|       0       |  Magic 0xCA   |S|Ver=1| Type=3|    Stream     |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                    Session                    |       0       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|         Picture width         |        Picture height         |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|               Frame rate, frames per 1000 seconds             |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|               ID of the newest frame                          |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                     Clock echo, 16 bytes                      |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  Name length  | Name, UTF-8 …
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-
//
// In a sealed announcement 16 more bytes follow the name: the ID of the receiver whose report the clock echo answers. Behind
// that stand the [Relays], if there are any. In an open announcement 16 zeros stand before them. Receivers ignore anything else.
type Announcement struct {
	// Name is the stream's name, at most MaxStreamName bytes of printable UTF-8. CleanName makes it so, at both ends.
	Name string
	// Size is the picture's width and height in pixels, zero if unknown.
	Size image.Point
	// MilliFPS is the frame rate in frames per 1000 seconds, 0 if unknown.
	MilliFPS uint32
	// Newest is the ID of the newest frame that the sender has begun to send. A receiver of a sealed stream ignores frames
	// that are much older: they may be recorded ones.
	Newest uint32
	// Via are the relays that the stream has come through.
	Via Relays
}

// maxAnnouncement is the most bytes in an announcement that is not sealed yet.
const maxAnnouncement = announcementSize + MaxStreamName + saltSize + 1 + 4*MaxRelays

// append appends an announcement for a receiver, whose ID is nil in open announcements.
func (a Announcement) append(b []byte, session uint32, stream uint8, c clockEcho, receiver []byte) []byte {
	b = prefix{Type: typeAnnouncement, Session: session, Stream: stream}.append(b)
	b = binary.BigEndian.AppendUint16(b, uint16(a.Size.X))
	b = binary.BigEndian.AppendUint16(b, uint16(a.Size.Y))
	b = binary.BigEndian.AppendUint32(b, a.MilliFPS)
	b = binary.BigEndian.AppendUint32(b, a.Newest)
	b = c.append(b)
	name := CleanName(a.Name)
	b = append(b, byte(len(name)))
	b = append(b, name...)
	if receiver == nil && a.Via != (Relays{}) {
		receiver = make([]byte, saltSize)
	}
	return a.Via.append(append(b, receiver...))
}

func parseAnnouncement(b []byte) (a Announcement, c clockEcho, err error) {
	if len(b) < announcementSize || len(b) < announcementSize+int(b[announcementSize-1]) {
		return a, c, ErrMalformed
	}
	end := announcementSize + int(b[announcementSize-1])
	via, err := parseRelays(b[min(end+saltSize, len(b)):])
	return Announcement{
		Via:      via,
		Name:     CleanName(string(b[announcementSize:end])),
		Size:     image.Pt(int(binary.BigEndian.Uint16(b[8:])), int(binary.BigEndian.Uint16(b[10:]))),
		MilliFPS: binary.BigEndian.Uint32(b[12:]),
		Newest:   binary.BigEndian.Uint32(b[16:]),
	}, parseClockEcho(b[20:]), err
}

// echoedReceiver returns the ID of the receiver whose report an announcement echoes, zeros if there is none.
// parseAnnouncement must have accepted b.
func echoedReceiver(b []byte) (id [saltSize]byte) {
	copy(id[:], b[announcementSize+int(b[announcementSize-1]):])
	return id
}

// CleanName makes a stream name safe to show. It keeps only printable UTF-8, trims spaces at both ends, and cuts the name to
// MaxStreamName bytes.
func CleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name)
	name = strings.TrimLeft(name, " ")
	for len(name) > MaxStreamName {
		_, last := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-last]
	}
	return strings.TrimRight(name, " ")
}
