//go:build !linux

package web

import (
	"net"
	"time"
)

// sendBuffer is how many bytes the kernel queues for a client, sent or not: enough for 25 MB/s over a 20 ms round trip.
const sendBuffer = 512 << 10

// limitUnsent bounds the kernel's queue. If the kernel refuses, slow viewers see older pictures.
func limitUnsent(conn net.Conn, _ time.Duration) {
	if tcp := tcpConn(conn); tcp != nil {
		tcp.SetWriteBuffer(sendBuffer)
	}
}

// These systems do not tell.
func untaken(net.Conn) int    { return 0 }
func discardUntaken(net.Conn) {}
