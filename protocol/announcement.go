package protocol

import (
	"encoding/binary"
	"image"
	"unicode"
	"unicode/utf8"
)

const announcementSize = 20 + clockSize + 1 // without the name

// An Announcement tells what changes rarely about a stream, so that a receiver that joins late learns it. A sender
// repeats it several times a second.
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
// In a sealed announcement the ID of the receiver follows whose report the clock echoes. Receivers ignore what comes after.
type Announcement struct {
	// Name is the stream's name: at most MaxStreamName bytes of printable UTF-8, made so by CleanName.
	Name string
	// Size is the picture's width and height in pixels, zero if unknown.
	Size image.Point
	// MilliFPS is the frame rate in frames per 1000 seconds, 0 if unknown.
	MilliFPS uint32
	// Newest is the ID of the newest frame that the sender has begun to send. Sealed streams need it: a receiver that
	// joins takes no frame that is much older for new.
	Newest uint32
}

func (a Announcement) append(b []byte, session uint32, stream uint8, c clockEcho) []byte {
	b = prefix{Type: typeAnnouncement, Session: session, Stream: stream}.append(b)
	b = binary.BigEndian.AppendUint16(b, uint16(a.Size.X))
	b = binary.BigEndian.AppendUint16(b, uint16(a.Size.Y))
	b = binary.BigEndian.AppendUint32(b, a.MilliFPS)
	b = binary.BigEndian.AppendUint32(b, a.Newest)
	b = c.append(b)
	name := CleanName(a.Name)
	b = append(b, byte(len(name)))
	return append(b, name...)
}

func parseAnnouncement(b []byte) (Announcement, clockEcho, error) {
	if len(b) < announcementSize || len(b) < announcementSize+int(b[announcementSize-1]) {
		return Announcement{}, clockEcho{}, ErrMalformed
	}
	return Announcement{
		Name:     CleanName(string(b[announcementSize : announcementSize+int(b[announcementSize-1])])),
		Size:     image.Pt(int(binary.BigEndian.Uint16(b[8:])), int(binary.BigEndian.Uint16(b[10:]))),
		MilliFPS: binary.BigEndian.Uint32(b[12:]),
		Newest:   binary.BigEndian.Uint32(b[16:]),
	}, parseClockEcho(b[20:]), nil
}

// echoedReceiver returns the receiver whose report an announcement echoes, which parseAnnouncement has taken.
func echoedReceiver(b []byte) (id [saltSize]byte) {
	copy(id[:], b[announcementSize+int(b[announcementSize-1]):])
	return id
}

// CleanName makes a stream name safe to show. It removes everything but printable UTF-8, trims spaces at both ends, and
// keeps at most MaxStreamName bytes.
func CleanName(name string) string {
	clean := make([]byte, 0, min(len(name), MaxStreamName))
	for _, r := range name {
		if r == utf8.RuneError || !unicode.IsPrint(r) || len(clean) == 0 && r == ' ' {
			continue
		}
		if len(clean)+utf8.RuneLen(r) > MaxStreamName {
			break
		}
		clean = utf8.AppendRune(clean, r)
	}
	for len(clean) > 0 && clean[len(clean)-1] == ' ' {
		clean = clean[:len(clean)-1]
	}
	return string(clean)
}
