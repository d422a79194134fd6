//go:build !linux

package datagram

// growReceiveBuffer asks for ReceiveBuffer bytes; what the system gives instead is not known here.
func (u *UDP) growReceiveBuffer() { u.conn.SetReadBuffer(ReceiveBuffer) }

func (u *UDP) receiveBuffer() int { return 0 }
