// Package source holds the places that frames come from: this machine's cameras, a test pattern, standard input, files,
// folders, HTTP cameras, uploads over HTTP, and whatever OpenCV can open. One driver a file, all behind [Source], chosen by [Open] from the
// form of a URL or path.
//
// # The data's way
//
//	bytes from a pipe, file, camera or upload ──> mjpeg.Reader ──> a whole JPEG ──> yield ──> the caller of Frames
//	                                                  |                                        in its own goroutine
//	                                                  v
//	                                   Options.Skip(reason), for what is no whole JPEG
//
// What comes out is byte for byte what went in: only test, opencv and cameras without JPEGs of their own (v4l2) have
// pictures encoded. A frame is lent, see [protocol.Frame]: most drivers use its memory again for the next.
//
// A source owns nothing between two calls of Frames: files, connections and listening sockets are opened by Frames and
// closed before its iteration returns. A new driver is one file, and one line in the table of [Open].
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
	// goroutine; a caller that takes long over a frame makes the source wait, or, if the source is live, miss frames.
	//
	// The iteration ends when the source does, when ctx is done (neither is an error), or with one last pair of a
	// zero Frame and an error that says what is wrong and what to do. Trouble that a source recovers from by itself,
	// such as a camera that hangs up, is logged and not yielded. When the iteration is over, whatever was opened is
	// closed. A yielded frame's Stream and ID are left zero: the sender fills them in. It is valid until the body of the
	// loop returns: see [protocol.Frame] for how to keep it.
	Frames(ctx context.Context) iter.Seq2[protocol.Frame, error]

	// OnDemand reports whether the source may be closed while nobody watches and opened again, by calling Frames
	// again, when somebody does. Standard input and uploads may not: what they bring meanwhile would be lost.
	OnDemand() bool
}

// Options hold what a source may be told besides its name. The zero value is every source's default.
type Options struct {
	// FPS is the frame rate of sources that have no clock of their own (files, folders; 0 means 30) and the rate
	// asked of those that take a wish (test, v4l2, opencv; 0 means 30, and of opencv what the camera likes).
	FPS float64
	// Loop starts a file or folder again when it ends.
	Loop bool
	// Size is the picture size asked of test, v4l2 and opencv. Zero means 1280x720, and of opencv what the camera likes.
	Size image.Point
	// Quality is the JPEG quality, 1 to 100, of sources that encode (test, opencv, v4l2 with a raw format), and of cameras
	// that let theirs be chosen. 0 means 80, and what the camera likes.
	Quality int
	// Format is which of a v4l2 camera's formats to take: mjpeg, raw, or the four characters of one, such as yuyv. Empty
	// means what is nearest to the size and rate, and of those mjpeg.
	Format string
	// Controls are set when a v4l2 camera is opened, in this order, each as NAME=VALUE. The value is a number, on or off, or
	// the name of an entry of a menu.
	Controls []string
	// Rotate turns pictures clockwise by 90, 180 or 270 degrees, JPEGs without loss where their size allows that.
	Rotate int
	// Text is written into the pictures of sources that encode, with the time in it as strftime(3) has it: "Door %F %T".
	Text string
	// DropSame is how many pictures of a live source may be left out, one after another, that are the same as the one
	// before.
	DropSame int
	// Pressure, if set, tells sources that encode which share of what they make the network carries, 1 being all of it;
	// while it is less they lower their quality, down to 20. It is called for each frame, from any goroutine.
	Pressure func() float64
	// MaxFrameSize is the largest picture in bytes that is taken; a larger one is skipped. 0 means
	// [protocol.MaxFrameSize], which is also the most that it can be.
	MaxFrameSize int
	// Skip, if set, is called with the reason (a few fixed words, good as a counter's key) whenever the source
	// leaves something out that is no whole picture: garbage, a picture cut off, an oversized one. Sources that
	// receive in several goroutines (post, opencv) call it from them.
	Skip func(reason string)
	// Encoded, if set, is called by sources that encode, after each picture, with the time that it took to encode.
	Encoded func(took time.Duration)
	// Log is where a source reports trouble that it recovers from. Nil means slog.Default().
	Log *slog.Logger

	qualityAsked bool // Quality was not 0 before it got its default
}
