package protocol

import (
	"bytes"
	"time"
)

// A Frame is one camera picture on its way from a source to a sink.
//
// Frames are lent. A frame that a source or a receiver yields is valid until the loop's body ends. A frame that is passed to
// a function is valid until the function returns. Then its bytes may be used for another picture. To have a frame for
// longer, call [Frame.Keep].
//
//	for f, err := range frames {
//		...
//		last = f.Keep()
//	}
//
// Only the lender writes to the bytes of a frame. So any number of sinks can share a frame without a copy. To change a
// picture, make a new Frame with other bytes.
type Frame struct {
	// Stream is the name of the stream that the frame belongs to. It may be "" at the sender.
	Stream string
	// ID counts the frames of a stream. It wraps from 2³²-1 to 0; compare two IDs with [Newer].
	ID uint32
	// Captured is when the picture was taken, by the clock of the machine that took it. If the source cannot know that,
	// it is when the picture's last byte arrived there.
	Captured time.Time
	// Sealed is whether the frame came encrypted and authenticated over the network.
	Sealed bool
	// Key is the ID of the key that the frame was sealed with. It counts only if Sealed.
	Key KeyID
	// JPEG is the whole picture, from its SOI marker to its EOI marker.
	JPEG []byte

	lender    *Pool // the pool that lent the bytes, or nil
	immutable bool  // whether the bytes never change again
}

// Keep returns the same frame with bytes that never change again. Call it while the frame is valid. It does not copy bytes
// that a pool has lent: the pool gives them up. It copies the bytes of other frames, unless they are immutable.
func (f Frame) Keep() Frame {
	switch {
	case f.immutable:
	case f.lender != nil:
		f.lender.kept.Store(true)
	default: // the program may write to the bytes again
		f.JPEG = bytes.Clone(f.JPEG)
	}
	return f.Immutable()
}

// Immutable marks the frame's bytes as never changing again, so that [Frame.Keep] does not copy them. Only the code that
// made the bytes can know that.
func (f Frame) Immutable() Frame {
	f.lender, f.immutable = nil, true
	return f
}

// Newer reports whether frame ID a comes after b, by serial number arithmetic (RFC 1982). IDs wrap: a is newer if it is less
// than half of the number space ahead of b.
func Newer(a, b uint32) bool { return int32(a-b) > 0 }
