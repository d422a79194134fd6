package protocol

import "time"

// A Frame is one camera picture on its way from a source to a sink.
//
// The bytes of JPEG belong to nobody and to everybody: whoever makes a Frame never writes them again, and whoever is
// handed one may keep it for as long as it likes and must not write them either. So a frame can be shown, recorded
// and served to a hundred viewers at once without a copy, and nobody has to release it. But whoever knows that nobody
// else has it may: see Release.
type Frame struct {
	// Stream names the stream that the frame belongs to, "" for a sender that has only one and has not named it.
	Stream string
	// ID counts the frames of a stream. It wraps from 2³²-1 to 0; compare two IDs with [Newer].
	ID uint32
	// Captured is when the picture was taken, by the clock of the machine that took it, or where the source cannot
	// know that, when the last byte of the picture arrived there.
	Captured time.Time
	// JPEG is the whole picture, from its SOI marker to its EOI marker.
	JPEG []byte

	pool *Pool // where the memory of JPEG goes to when the frame is released, nil if it is the garbage collector's
}

// Pooled returns the frame with memory that goes to a pool when it is released.
func (f Frame) Pooled(p *Pool) Frame {
	f.pool = p
	return f
}

// Release gives up the frame's bytes, to be used again for another frame. It is for the only one that has the frame.
func (f Frame) Release() { f.pool.Put(f.JPEG) }

// Shared returns the frame for more than one to have: it cannot be released.
func (f Frame) Shared() Frame {
	f.pool = nil
	return f
}

// Newer reports whether frame ID a comes after b in serial number arithmetic (RFC 1982): IDs wrap, so that a is newer
// if it lies less than half the number space ahead of b.
func Newer(a, b uint32) bool { return int32(a-b) > 0 }
