// Package sink writes and shows frames on this machine: to files, pipes, a camera of other programs, a window or a terminal.
//
//	s, err := sink.Open("film.mkv", sink.Options{}) // or frames.mjpg, pic.jpg, a directory, - for standard output
//	q := sink.NewQueue(s, sink.QueueOptions{})      // so that a slow disk never delays the receiver
//	for f, err := range receiver.Frames(ctx) {
//		err = q.Put(f) // the sink's error, once it has failed for good
//	}
//	err = q.Close() // writes what still waits
//
// If a recording is in trouble, as when the disk is full, its queue opens it again until that works: see [Queue.State].
// [Mend] mends films that were cut off.
//
// Files and pipes get each frame's bytes unchanged. Frames are lent, see [protocol.Frame]: a sink that needs one after Put
// has returned keeps a copy. A [Queue] closes its sink. A [Window] needs no queue: its Put never blocks.
//
// The window needs OpenCV, and with it cgo and the build tag gocv. Without the tag this package is pure Go, and
// [NewWindow] says how to build with it.
package sink

import (
	"errors"
	"log/slog"
	"time"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// A Sink takes frames. Put is called from one goroutine at a time. It may block as long as the sink's device does. Use a
// [Queue] where the caller must not wait.
type Sink interface {
	// Put takes one frame, which is valid until Put returns. After an error the sink takes no more frames: close it. A
	// [Queue] then opens it again, if that may help.
	Put(protocol.Frame) error
	// Close flushes and closes the sink. All frames that were put before are then written whole.
	Close() error
}

// ErrClosed means that the viewer has left: it closed the pipe or the window. It is not a failure. Stop feeding the sink.
var ErrClosed = errors.New("closed by its viewer")

// Reasons for which a sink leaves a frame out, as [Options].Skip reports them.
const (
	// SkipStreams is a frame of a stream for which the sink has no room.
	SkipStreams = "too many streams"
	// SkipOld is a frame that a newer one of its stream replaced before its turn came.
	SkipOld = "superseded"
	// SkipDamaged is a frame that is not a whole JPEG, or cannot be decoded.
	SkipDamaged = "damaged"
	// SkipHuge is a frame with too many pixels, or too much work for the decoder.
	SkipHuge = "too large to decode"
	// SkipBetween is a frame between two snapshots.
	SkipBetween = "between snapshots"
	// SkipHidden is a frame of a stream whose window has been closed while others are still open.
	SkipHidden = "window closed"
)

// Options are a sink's options besides its name. The zero value is every sink's default.
type Options struct {
	// Overwrite replaces a file that exists, when the first frame comes. Without it such a file is refused with
	// [io/fs.ErrExist]. In a directory, the new file gets a number instead. So no recording is lost by starting another.
	Overwrite bool
	// Rotate is when a recording goes on in another file.
	Rotate Rotation
	// Matroska makes a directory's recordings .mkv rather than .mjpg.
	Matroska bool
	// SnapshotEvery is how often a snapshot file is replaced; 0 means with every frame. If it is set, a directory gets
	// snapshots of each stream this often, called after their times, rather than recordings.
	SnapshotEvery time.Duration
	// CameraMJPEG hands a camera (v4l2:) the JPEGs as they are, rather than YUYV. That costs no decoding, but not every program
	// reads a camera of JPEGs.
	CameraMJPEG bool
	// MaxPixels is the largest picture that a window, a terminal or a camera decodes; 0 means [mjpeg.MaxPixels]. This stops
	// pictures of a few bytes that claim to be huge. Larger ones are left out as SkipHuge.
	MaxPixels int
	// Keep says which files of a rotating recording are deleted. If Rotate is not set, it begins a new file each hour, or
	// more often where less is kept.
	Keep Keep
	// Log, if set, is told which files were deleted or mended, and the format of a camera.
	Log *slog.Logger
	// Skip, if set, is called with one of the reasons above when the sink leaves a frame out, from any goroutine.
	Skip func(reason string)

	home  *home   // where files are written
	films *mender // mends films beside those that are written
}

func (o *Options) log(message string, attrs ...any) {
	if o.Log != nil {
		o.Log.Info(message, attrs...)
	}
}

// undecodable returns why a JPEG is not given to a decoder, or "" if it may be. It reads markers only.
func (o *Options) undecodable(jpeg []byte) (reason string) {
	switch _, err := mjpeg.Size(jpeg); {
	case err != nil, mjpeg.Check(jpeg) != nil:
		return SkipDamaged
	case mjpeg.TooLarge(jpeg, o.MaxPixels):
		return SkipHuge
	}
	return ""
}

func (o *Options) skip(reason string) {
	if o.Skip != nil {
		o.Skip(reason)
	}
}
