package web

import (
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A part is a picture in the form in which it leaves to every viewer. It is made once and never written again.
type part struct {
	header []byte // of the multipart part, rendered
	frame  protocol.Frame
	came   time.Time
}

func newPart(f protocol.Frame, now time.Time) *part {
	const longest = 112 // bytes, so that the header is allocated once
	return &part{mjpeg.AppendPartHeader(make([]byte, 0, longest), len(f.JPEG), f.Captured), f, now}
}
