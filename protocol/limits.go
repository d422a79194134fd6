package protocol

import (
	"time"

	"udpcam/protocol/mjpeg"
)

// The bounds on what comes from a network, a file or a camera. Each says what it stops.
const (
	// MaxFrameSize is the most bytes in a picture, in all of udpcam: the frame length field of udpcam/1 has 24 bits. It
	// stops a stream that never ends its picture from filling the memory.
	MaxFrameSize = 1<<24 - 1

	// MaxDatagram is the largest UDP payload over IPv4: 65,535 bytes less an IPv4 and a UDP header.
	MaxDatagram = 65_507

	// MaxStreamName is the most bytes in a stream name. It stops a sender from flooding the log lines, URLs, file names
	// and window titles in which names end up.
	MaxStreamName = 64

	// MaxPixels is the most pixels in a picture that is decoded: see [mjpeg.MaxPixels].
	MaxPixels = mjpeg.MaxPixels

	// MaxPendingMemory is the most bytes that all unfinished frames of a receiver hold together. It stops a flood of first
	// segments, with ever new sessions, streams and frame IDs, from filling the memory.
	MaxPendingMemory = 64 << 20

	// maxPendingFrames is the most frames of one stream that are not handed on yet: a quarter of a second at 120 fps. It
	// stops one stream from pushing out the others' frames.
	maxPendingFrames = 32

	// maxStreams is how many streams a receiver follows at once. If there are more, the one that had no whole frame for
	// longest gives way. It stops invented sessions from filling the memory. Invented sessions also cannot push out a
	// camera that is being watched.
	maxStreams = 64

	// freeReserve is the most bytes that are set aside for a frame because of the length in its first segment. Memory
	// beyond it grows only with the bytes that arrive, unless an earlier frame of the stream was as large. It stops
	// datagrams that claim large frames from filling the memory.
	freeReserve = 256 << 10

	// maxEncoders is how many encoders a sender keeps for blocks with much parity. It stops frames of ever new sizes, and
	// reports that change the amount of parity, from filling the memory. The largest encoder, for 192 data and 64 parity
	// segments, has 0.9 MB; so all have at most 15 MB. One for 84 and 17 has 0.1 MB.
	maxEncoders = 16

	// maxCountedGap is the largest step between two frame IDs that counts as lost frames. A larger step comes from a sender
	// that starts again within its session, or from a forged datagram. This limit stops such steps from spoiling the
	// counts.
	maxCountedGap = 1 << 12

	// streamExpiry is how long a stream may be silent before it is forgotten.
	streamExpiry = 30 * time.Second

	// nameWait is how long a new stream's frames are held back until an announcement names the stream.
	nameWait = time.Second

	// maxReceivers is how many receivers a sealed sender listens to. It stops a broken program that has the key from filling
	// the memory.
	maxReceivers = 64

	// replayWindow is by how many frames a sealed segment may be older than the newest announced frame. It stops a receiver
	// that joins from showing datagrams that were recorded earlier in the session. Senders keep 128 frames for answers, so
	// no honest segment is older.
	replayWindow = 128

	// lockedInterval is the least time between two reports to the user of streams that are not shown. lockedAgain is the
	// same for one and the same stream. They stop invented streams from filling the log.
	lockedInterval = time.Second
	lockedAgain    = time.Minute
)
