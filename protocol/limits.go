package protocol

import (
	"time"

	"udpcam/protocol/mjpeg"
)

// Everything that comes from a network, a file or a camera is bounded by one of these. Each names what it stops.
const (
	// MaxFrameSize is the largest picture, in bytes, that any part of udpcam takes: the frame length field of
	// udpcam/1 has 24 bits. It stops a stream that never ends its picture from filling the memory.
	MaxFrameSize = 1<<24 - 1

	// MaxDatagram is the largest UDP payload over IPv4: 65,535 bytes less an IPv4 and a UDP header.
	MaxDatagram = 65_507

	// MaxStreamName is the longest stream name in bytes. Names come from the network and end up in log lines, URLs,
	// file names and window titles.
	MaxStreamName = 64

	// MaxPixels is the largest picture, in pixels, that is handed to a decoder: see [mjpeg.MaxPixels].
	MaxPixels = mjpeg.MaxPixels

	// MaxPendingMemory is how many bytes all unfinished frames of a receiver may hold together. It stops a flood of
	// first segments, under as many sessions, streams and frame IDs as can be invented, from filling the memory.
	MaxPendingMemory = 64 << 20

	// maxPendingFrames is how many frames one stream may have that are not handed on yet: what 120 frames a second make
	// in a quarter of a second. It stops one stream from pushing out the others' frames.
	maxPendingFrames = 32

	// maxStreams is how many streams a receiver follows at once; beyond it the one that has been without a whole frame
	// for longest gives way. It stops invented sessions from filling the memory, and a camera that is being watched
	// from being pushed out by them.
	maxStreams = 64

	// freeReserve is how many bytes are set aside for a frame on its first segment's word. Beyond it memory grows only
	// with what has arrived, of this frame or of an earlier one of its stream: a sender-declared size never allocates
	// that size at once.
	freeReserve = 256 << 10

	// maxEncoders is how many encoders a sender keeps for blocks with much parity. It stops frames of ever new sizes, and
	// reports that ask for ever other parity, from filling the memory. An encoder has at most 0.9 MB, with 192 data and
	// 64 parity segments, so all have at most 15 MB; with 84 and 17 one has 0.1 MB.
	maxEncoders = 16

	// maxCountedGap is the largest step between two frame IDs that is still counted as lost frames. A larger one is a
	// sender that starts anew within its session, or an invented datagram, and says nothing about the network.
	maxCountedGap = 1 << 12

	// streamExpiry is how long a stream may be silent before it is forgotten.
	streamExpiry = 30 * time.Second

	// nameWait is how long whole frames are held back at a stream's start for the announcement that names it.
	nameWait = time.Second
)
