package datachannel

import (
	"encoding/binary"
	"net"
)

// A once is what SCTP writes its packets to. It passes each message on once. What SCTP repeats does not leave: udpcam
// repairs what is lost in its own way, and on a narrow path repeats would take room from pictures, and hide from the model
// of the path what the network has lost.
//
// SCTP must believe that it repeats. Without repeats it would tell the browser at once, with each loss, to forget everything
// older, and the browser would drop what is merely reordered.
type once struct {
	net.Conn
	begun  bool
	newest uint32 // TSN of the newest message that has left
}

// Write implements net.Conn. SCTP writes from one goroutine.
func (o *once) Write(packet []byte) (int, error) {
	if o.repeats(packet) {
		return len(packet), nil
	}
	return o.Conn.Write(packet)
}

// repeats reports whether an SCTP packet has messages, and all of them have left before. A packet is a header of 12 bytes
// and chunks (RFC 9260, section 3).
func (o *once) repeats(packet []byte) bool {
	const header, data, dataHeader = 12, 0, 16
	messages, fresh := false, false
	for at := header; at+dataHeader <= len(packet); {
		size := int(binary.BigEndian.Uint16(packet[at+2:]))
		if packet[at] == data && size >= dataHeader {
			tsn := binary.BigEndian.Uint32(packet[at+4:])
			if !o.begun || int32(tsn-o.newest) > 0 {
				o.begun, o.newest, fresh = true, tsn, true
			}
			messages = true
		}
		at += max(4, (size+3)&^3)
	}
	return messages && !fresh
}
