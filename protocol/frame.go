package protocol

import (
	"bytes"
	"time"
)

// A Frame is one camera picture on its way from a source to a sink.
//
// Frames are lent. A frame that a source or a receiver yields is valid until the body of the loop returns. A frame that is
// handed to a function is valid until the function returns. Then its bytes may be used again for another picture. Whoever
// needs a frame for longer says [Frame.Keep].
//
//	for f, err := range frames {
//		...
//		last = f.Keep()
//	}
//
// Nobody but the lender writes to the bytes of a frame, so any number of sinks can have a frame without a copy. Whoever has
// other bytes, as of a picture that was turned, makes a new Frame of them.
type Frame struct {
	// Stream names the stream that the frame belongs to, "" for a sender that has only one and has not named it.
	Stream string
	// ID counts the frames of a stream. It wraps from 2³²-1 to 0; compare two IDs with [Newer].
	ID uint32
	// Captured is when the picture was taken, by the clock of the machine that took it, or where the source cannot
	// know that, when the last byte of the picture arrived there.
	Captured time.Time
	// Sealed is whether the frame came encrypted and authenticated over the network.
	Sealed bool
	// JPEG is the whole picture, from its SOI marker to its EOI marker.
	JPEG []byte

	lender    *Pool // what has lent the bytes, nil if nothing has
	immutable bool  // whether nobody writes to the bytes any more
}

// Keep returns the frame with bytes that stay as they are for as long as the caller likes. It is for while the frame is
// valid. Where it can be it takes no copy: then the lender goes without the memory.
func (f Frame) Keep() Frame {
	switch {
	case f.immutable:
	case f.lender != nil:
		f.lender.keep()
	default: // a program's own, which may write to them again
		f.JPEG = bytes.Clone(f.JPEG)
	}
	return f.Immutable()
}

// Immutable returns the frame as one whose bytes nobody writes to again, so that [Frame.Keep] takes no copy. Only whoever made
// the bytes can know that.
func (f Frame) Immutable() Frame {
	f.lender, f.immutable = nil, true
	return f
}

// Newer reports whether frame ID a comes after b in serial number arithmetic (RFC 1982): IDs wrap, so that a is newer
// if it lies less than half the number space ahead of b.
func Newer(a, b uint32) bool { return int32(a-b) > 0 }
