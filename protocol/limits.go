package protocol

import "time"

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

	// MaxRelays is how many relays a stream may come through. It stops an endless chain.
	MaxRelays = 8

	// MaxPendingMemory is the most bytes that the unfinished frames of all streams that are shown hold together. It stops a
	// flood of first segments, with ever new frame IDs, from filling the memory.
	MaxPendingMemory = 64 << 20

	// newcomerMemory is the same for all streams that are not shown yet. There is room for one frame of the largest size. It
	// stops a flood of invented streams from filling the memory, and from pushing out the frames of cameras.
	newcomerMemory = MaxFrameSize + 1<<20

	// maxPendingFrames is the most frames of one stream that are not handed on yet: a quarter of a second at 120 fps. It
	// stops one stream from pushing out the others' frames.
	maxPendingFrames = 32

	// maxStreams is how many streams a receiver shows at once. It stops invented streams from filling memory, pages and
	// folders. If there are more, a silent one gives way, or else the one that has delivered least: see outranks. So
	// invented streams cannot push out a camera.
	maxStreams = 64

	// maxNewcomers is how many streams are known that are not shown yet, and newcomersPerNetwork how many of them come from
	// one IPv4 address or one IPv6 /64. If there are more, the one that has delivered least gives way. They stop a flood of
	// invented streams from filling the memory, and from pushing out a camera that has just started.
	maxNewcomers        = 256
	newcomersPerNetwork = 128

	// maxEarly is how many streams are shown that have not proved yet that they go on: see proven. It stops a flood of
	// streams of one picture each from being shown, while a camera that starts is shown at once.
	maxEarly = 4

	// freeReserve is the most bytes that are set aside for a frame because of the length in its first segment. Memory
	// beyond it grows only with the bytes that arrive, unless an earlier frame of the stream was as large. It stops
	// datagrams that claim large frames from filling the memory.
	freeReserve = 32 << 10

	// maxEncoders is how many encoders a sender keeps for blocks with much parity. It stops frames of ever new sizes, and
	// reports that change the amount of parity, from filling the memory. The largest encoder, for 192 data and 64 parity
	// segments, has 0.9 MB; so all have at most 15 MB. One for 84 and 17 has 0.1 MB.
	maxEncoders = 16

	// maxCountedGap is the largest step between two frame IDs that counts as lost frames. A larger step comes from a sender
	// that starts again within its session, or from a forged datagram. This limit stops such steps from spoiling the
	// counts.
	maxCountedGap = 1 << 12

	// streamExpiry is how long a stream may be silent before it is forgotten. newcomerExpiry is the same for a stream that
	// has not proved that it goes on.
	streamExpiry   = 30 * time.Second
	newcomerExpiry = 2 * time.Second

	// provenTime is how long after its first datagram a stream must still send to have proved that it goes on. It stops
	// single datagrams from taking the place or the name of a camera.
	provenTime = 300 * time.Millisecond

	// maxRenames is how many announcements in a row may contradict the name of a stream before it is renamed. It stops a
	// forged announcement from renaming a camera.
	maxRenames = 3

	// maxAhead is how far a frame's ID may be ahead of the newest frame's. strayFrames and straySilence say when a stream
	// goes on at other IDs: that many frames must have come there in order, while none was handed on for that long. They
	// stop a forged frame with a large ID from making all real frames late.
	maxAhead     = 64
	strayFrames  = 3
	straySilence = 250 * time.Millisecond

	// maxGuests is how many addresses are guests of streams. It stops forged addresses from filling the memory.
	maxGuests = 64

	// guestBan is how long a stream takes no datagrams from other addresses after one of these spoiled a frame.
	guestBan = 10 * time.Second

	// nameWait is how long a new stream's frames are held back until an announcement names the stream.
	nameWait = time.Second

	// maxReceivers is how many receivers a sealed sender listens to. It stops a broken program that has the key from filling
	// the memory.
	maxReceivers = 2048

	// replayWindow is by how many frames a sealed segment may be older than the newest announced frame. It stops a receiver
	// that joins from showing datagrams that were recorded earlier in the session. Senders keep 128 frames for answers, so
	// no honest segment is older.
	replayWindow = 128

	// maxAsking is how many datagrams a receiver may send at once to a sender that it subscribes to, and askingRate how many a
	// second for long. They stop somebody who forges answers from turning receivers into a flood.
	maxAsking  = 8
	askingRate = 2.2

	// lockedInterval is the least time between two reports to the user of streams that are not shown. lockedAgain is the
	// same for one and the same stream. They stop invented streams from filling the log.
	lockedInterval = time.Second
	lockedAgain    = time.Minute
)
