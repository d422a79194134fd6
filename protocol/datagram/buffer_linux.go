package datagram

import "golang.org/x/sys/unix"

// growReceiveBuffer asks for ReceiveBuffer bytes: beyond the system's limit if the process may (CAP_NET_ADMIN), else up
// to it. socket(7): the kernel doubles the figure for its own bookkeeping, and tells the doubled one.
func (u *UDP) growReceiveBuffer() {
	raw, err := u.conn.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, ReceiveBuffer) != nil {
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, ReceiveBuffer)
		}
	})
}

func (u *UDP) receiveBuffer() (size int) {
	raw, err := u.conn.SyscallConn()
	if err != nil {
		return 0
	}
	raw.Control(func(fd uintptr) {
		size, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
	})
	return size / 2
}
