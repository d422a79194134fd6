//go:build !linux

package web

import "net"

// sendBuffer bounds what the kernel queues for a viewer, sent or not: 25 MB/s to one that is 20 ms away.
const sendBuffer = 512 << 10

// limitUnsent bounds the queue. Where the kernel refuses, pictures are only staler for slow viewers.
func limitUnsent(conn *net.TCPConn) { conn.SetWriteBuffer(sendBuffer) }
