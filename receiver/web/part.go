package web

import (
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A part is a picture in the form in which it leaves to every viewer. It is made once and never written again.
type part struct {
	header   []byte // in a multipart stream
	message  []byte // in a message to the page
	frame    protocol.Frame
	number   uint32        // counts the parts of a hub
	captured time.Time     // by this machine's clock, as far as the sender's is known
	came     time.Time     // to the hub
	interval time.Duration // between pictures of the stream, 0 if not known
}

// render makes what goes before the picture.
func (p *part) render() {
	const longest = 112 + 10 + pictureHeaderSize // bytes, so that both are allocated at once
	b := mjpeg.AppendPartHeader(make([]byte, 0, longest), len(p.frame.JPEG), p.frame.Captured)
	n := len(b)
	b = appendPictureMessage(b, p.number, p.captured, p.came, len(p.frame.JPEG))
	p.header, p.message = b[:n:n], b[n:]
}
