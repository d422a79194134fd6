package receiver

import "udpcam/protocol"

// NewSubscribing returns a receiver that only subscribes, on a conn.
func NewSubscribing(c Config, conn protocol.Conn) *Receiver { return newReceiver(c, conn, true) }
