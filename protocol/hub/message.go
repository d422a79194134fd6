package hub

import (
	"encoding/hex"
	"fmt"
	"time"

	"udpcam/protocol"
)

// HeaderName is the NATS header that a frame has.
const HeaderName = "Udpcam"

// A Picture names one frame of a stream. Two publishers that receive the same camera have the same Captured for it.
type Picture struct {
	Session  uint32    // random; another when the IDs begin anew, and another at each publisher. 0 if there is no picture
	ID       uint32    // counts the frames of a session, see [protocol.Newer]
	Captured time.Time // by the camera's clock, in microseconds
}

// newerThan reports whether a frame may be shown after another. IDs tell within a session. Otherwise the camera's clock
// tells, unless it was set back.
func (p Picture) newerThan(o Picture) bool {
	switch {
	case o.Session == 0:
		return p.Session != 0
	case p.Session == o.Session:
		return protocol.Newer(p.ID, o.ID)
	}
	return p.Captured.After(o.Captured) || p.Captured.Before(o.Captured.Add(-clockStep))
}

// A want is what an edge asks with: text with a space between its fields. Fields that follow are ignored.
type want struct {
	echo []byte  // a clock echo of 16 bytes, in hexadecimal digits
	have Picture // the last frame that came
	max  int64   // the largest message that the edge's server takes, in bytes
}

func (w want) text() []byte {
	return fmt.Appendf(nil, "%x %d %d %d %d", w.echo, w.have.Session, w.have.ID, micros(w.have.Captured), w.max)
}

func parseWant(b []byte) (w want, err error) {
	var captured int64
	if err := scan(b, &w.echo, &w.have.Session, &w.have.ID, &captured, &w.max); err != nil {
		return w, err
	}
	w.have.Captured = time.UnixMicro(captured)
	return w, nil
}

// A header goes with each frame, and with each message that only measures the round trip. It is text as a want is.
type header struct {
	echo    []byte
	picture Picture       // Session is 0 if there is no frame
	age     time.Duration // of the frame when it left the publisher, -1 if the camera's clock is not known
	tooBig  int64         // bytes in a frame that is not sent because the edge's server does not take it; else 0
}

func (h header) text() string {
	age := int64(-1)
	if h.age >= 0 {
		age = h.age.Microseconds()
	}
	p := h.picture
	return fmt.Sprintf("%x %d %d %d %d %d", h.echo, p.Session, p.ID, micros(p.Captured), age, h.tooBig)
}

func parseHeader(text string) (h header, err error) {
	var captured, age int64
	if err := scan([]byte(text), &h.echo, &h.picture.Session, &h.picture.ID, &captured, &age, &h.tooBig); err != nil {
		return h, err
	}
	h.picture.Captured, h.age = time.UnixMicro(captured), -1
	if age >= 0 && age < time.Hour.Microseconds()*24*365 {
		h.age = time.Duration(age) * time.Microsecond
	}
	return h, nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

const maxMessage = 256 // bytes in a want or a header

// scan reads the fields of a want or a header: a clock echo, then numbers.
func scan(b []byte, echo *[]byte, numbers ...any) error {
	if len(b) > maxMessage {
		return fmt.Errorf("a message of %d bytes is too long", len(b))
	}
	var digits string
	if _, err := fmt.Sscan(string(b), append([]any{&digits}, numbers...)...); err != nil {
		return fmt.Errorf("not a message of udpcam: %w", err)
	}
	var err error
	if *echo, err = hex.DecodeString(digits); err == nil && len(*echo) != 16 {
		err = fmt.Errorf("a clock echo of %d bytes", len(*echo))
	}
	return err
}
