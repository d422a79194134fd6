//go:build !linux

package guard

import (
	"net"
	"time"
)

// sendBuffer is how many bytes the kernel queues for a client, sent or not: enough for 25 MB/s over a 20 ms round trip.
const sendBuffer = 512 << 10

// LimitUnsent bounds the kernel's queue. If the kernel refuses, slow viewers see older pictures.
func LimitUnsent(conn net.Conn, _ time.Duration) {
	if tcp := TCP(conn); tcp != nil {
		tcp.SetWriteBuffer(sendBuffer)
	}
}

// These systems do not tell.
func Untaken(net.Conn) int    { return 0 }
func DiscardUntaken(net.Conn) {}
