// Package source reads frames from cameras, files and pipes.
//
//	src, err := source.Open("http://192.168.1.64/stream", source.Options{})
//	for f, err := range src.Frames(ctx) {
//		if err != nil { ... } // says what is wrong and what to do
//		sender.Send(f)        // or f.Keep() to keep it
//	}
//
// [Open] recognises a source by the form of its name: a URL or a path. Sources are this machine's cameras, a test pattern,
// standard input, files, folders, HTTP cameras, uploads over HTTP, and everything that OpenCV can open. [Help] lists them.
//
//	bytes from a pipe, file, camera or upload ──> mjpeg.Reader ──> a whole JPEG ──> yield ──> the caller's loop body
//	                                                  └─ what is no whole JPEG ──> Options.Skip(reason)
//
// A JPEG comes out byte for byte as it went in, unless something is wrong with it that can be mended (see
// [mjpeg.ReaderOptions]). Only the test pattern, OpenCV and cameras without JPEGs encode pictures. A
// frame is lent, see [protocol.Frame].
//
// Frames opens files and connections, and closes them before it returns. Between two calls a source owns nothing. A new
// driver is one file and one line in the table of Open.
package source

import (
	"context"
	"image"
	"iter"
	"log/slog"
	"time"

	"udpcam/protocol"
)

// A Source is a place that frames come from.
type Source interface {
	// Frames opens the source and yields its frames, each as soon as its last byte is there. It runs in the caller's
	// goroutine. A caller that takes long over a frame makes the source wait. A live source may miss frames meanwhile.
	//
	// The iteration ends when the source ends or ctx is done. Neither is an error. If something is wrong, the last pair is
	// a zero Frame and an error that says what to do. Trouble that a source recovers from, such as a camera that hangs up,
	// is only logged. At the end, Frames closes everything that it has opened. A frame's Stream and ID are zero: the sender
	// fills them in. A frame is valid until the loop's body ends: see [protocol.Frame] for how to keep it.
	Frames(ctx context.Context) iter.Seq2[protocol.Frame, error]

	// OnDemand reports whether the source may be closed while nobody watches, and opened again by calling Frames again.
	// Standard input and uploads may not: pictures that come meanwhile would be lost.
	OnDemand() bool
}

// Options are a source's options besides its name. The zero value is every source's default.
type Options struct {
	// FPS is the frame rate. Files and folders are played at this rate, and standard input is read at it. Cameras and the test
	// pattern are asked for it. 0 means 30; the camera's choice with opencv; a film's own times; and, of standard input, all
	// pictures as they come.
	FPS float64
	// Loop starts a file or folder again when it ends.
	Loop bool
	// Follow takes the newest picture of a file or folder, and then each picture that is new, as soon as it is whole.
	Follow bool
	// Size is the picture size that test, v4l2 and opencv are asked for. Zero means 1280x720, and with opencv the camera's
	// choice. If a v4l2 camera cannot do it, the nearest size is used.
	Size image.Point
	// Quality is the JPEG quality, 1 to 100, of sources that encode (test, opencv, v4l2 with a raw format) and of cameras
	// that can change theirs. 0 means 80 where udpcam encodes, and otherwise the camera's choice.
	Quality int
	// Format is the format that a v4l2 camera is to deliver: mjpeg, raw, or a four-character code such as yuyv. Empty
	// means the one nearest to size and rate, preferably mjpeg.
	Format string
	// Controls are set in this order when a v4l2 camera is opened. Each is NAME=VALUE. The value is a number, on, off or the
	// name of a menu entry.
	Controls []string
	// Rotate turns pictures clockwise by 90, 180 or 270 degrees, JPEGs without loss where their size allows that. Flip mirrors
	// them afterwards: "h" exchanges left and right, "v" top and bottom.
	Rotate int
	Flip   string
	// Text is written into the pictures of sources that encode, with the time in it as strftime(3) has it: "Door %F %T".
	Text string
	// DropSame is how many pictures in a row may be left out because they are the same as the one before. It is for live
	// sources only.
	DropSame int
	// Pressure, if set, returns the share of the frames' bytes that the network carries, at most 1. Sources that encode
	// lower their quality while it is below 1, down to 20. It is called for each frame, from any goroutine.
	Pressure func() float64
	// AllowHosts are names by which clients may address a server for uploads (post:), besides localhost, this machine's own
	// name and IP addresses; "*" allows every name. Other names are answered 403. So are pages of other web sites.
	AllowHosts []string
	// User and Password are asked of those who upload, if Password is not empty (HTTP Basic, RFC 7617). Token, if not empty,
	// also lets in who sends it: in the address (?token=) or as a bearer token (RFC 6750).
	User, Password, Token string
	// Header are fields that an IP camera gets with each request, such as "Authorization: Bearer TOKEN". Hosts to which it
	// redirects do not get them.
	Header []string
	// Patience is how long an IP camera may bring no picture before it is asked again, or given up if it has never brought
	// one. 0 means 10 s; 30 s for an answer and a picture that have begun; and three times as long as the last picture took.
	Patience time.Duration
	// Insecure takes any certificate of an IP camera. Pins are the only certificates that are taken, if there are any:
	// "sha256:" and the SHA-256 of a certificate in hex. OldTLS also speaks TLS 1.0 and 1.1, and old ciphers.
	Insecure bool
	Pins     []string
	OldTLS   bool
	// MaxFrameSize is the largest picture in bytes that is taken; a larger one is skipped. 0 means
	// [protocol.MaxFrameSize], which is also the most that it can be.
	MaxFrameSize int
	// Skip, if set, is called each time the source leaves something out, such as garbage or a picture that is cut off. The
	// reason is one of a few fixed words, good as a counter's key. Some sources call it from several goroutines.
	Skip func(reason string)
	// Encoded, if set, is called with the time that each picture took to encode.
	Encoded func(took time.Duration)
	// Log is where a source reports trouble that it recovers from. Nil means slog.Default().
	Log *slog.Logger

	qualityAsked bool // Quality was not 0 before it got its default
	rotatesRaw   bool // the source itself rotates what it encodes
}
