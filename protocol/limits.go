package protocol

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

	// MaxPixels is the largest picture, in pixels, that is ever handed to a decoder: 64 megapixels. A JPEG of 37
	// bytes can claim 65,535 × 65,535 pixels, for which a decoder would allocate 12 GiB.
	MaxPixels = 64 << 20
)
