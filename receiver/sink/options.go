package sink

import (
	"errors"
	"time"
)

// ErrClosed says that whoever watched has left: the reader of a pipe has closed it, or the window is closed. It is
// not a failure; what feeds the sink stops, and that is all.
var ErrClosed = errors.New("closed by its viewer")

// Reasons for which a sink leaves a frame out, as [Options].Skip and [WindowOptions].Skip report them.
const (
	// SkipStreams is a frame of one stream more than the sink has room for.
	SkipStreams = "too many streams"
	// SkipOld is a frame that a newer one of its stream replaced before its turn came.
	SkipOld = "superseded"
	// SkipDamaged is a frame that is no JPEG, or not a whole one, or one that cannot be decoded.
	SkipDamaged = "damaged"
	// SkipHuge is a frame that claims more pixels, or more work for its decoder, than is decoded.
	SkipHuge = "too large to decode"
	// SkipBetween is a frame between two snapshots.
	SkipBetween = "between snapshots"
	// SkipHidden is a frame of a stream whose window has been closed while others are still open.
	SkipHidden = "window closed"
)

// Options hold what a sink may be told besides its name. The zero value is every sink's default.
type Options struct {
	// Overwrite replaces a file that exists. Without it such a file is refused with [io/fs.ErrExist] or, in a
	// directory, left alone and a number added to the new one's name: no recording is lost by starting another.
	Overwrite bool
	// Rotate is when a recording goes on in another file.
	Rotate Rotation
	// Matroska makes a directory's recordings .mkv rather than .mjpg.
	Matroska bool
	// SnapshotEvery is how often a snapshot file is replaced; 0 is with every frame. A directory then gets a snapshot of
	// each stream this often, called after its time, rather than a recording.
	SnapshotEvery time.Duration
	// Skip, if set, is called with the reason (a few fixed words, good as a counter's key) whenever the sink leaves a
	// frame out.
	Skip func(reason string)
}

func (o *Options) skip(reason string) {
	if o.Skip != nil {
		o.Skip(reason)
	}
}
