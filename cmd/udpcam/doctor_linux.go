package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"udpcam/internal/datagram"
)

// errUnreachable is that there is no route.
var errUnreachable error = syscall.ENETUNREACH

// checkSystem looks at what the kernel allows and can do.
func checkSystem() []finding {
	return []finding{
		checkBuffer(),
		checkOption("GSO", unix.UDP_SEGMENT, 1400, "sending", "4.18"),
		checkOption("GRO", unix.UDP_GRO, 1, "receiving", "5.0"),
		checkClock(),
		checkNetem(),
	}
}

// checkBuffer looks how large a socket's receive buffer can be.
func checkBuffer() finding {
	const what, limit, wanted = "receive buffer", "net.core.rmem_max", datagram.ReceiveBuffer
	given := 0
	err := onSocket(func(fd int) (err error) {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, wanted) != nil {
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, wanted)
		}
		given, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		return err
	})
	given /= 2 // the kernel counts its own bookkeeping (socket(7))
	switch {
	case err != nil:
		return finding{What: what, State: bad, Found: err.Error()}
	case given < wanted:
		return finding{What: what, State: bad,
			Found: fmt.Sprintf("%d kB of the %d kB that are asked for: a receiver that is busy for a moment loses pictures", given>>10, wanted>>10),
			Mend: []string{fmt.Sprintf("sudo sysctl -w %s=%d", limit, wanted),
				fmt.Sprintf("echo %s=%d | sudo tee /etc/sysctl.d/60-udpcam.conf   # for good", limit, wanted)}}
	}
	return finding{What: what, State: good, Found: fmt.Sprintf("%d kB", given>>10)}
}

// checkOption looks whether the kernel has one of the two ways to hand over many datagrams in one call.
func checkOption(what string, option, value int, doing, since string) finding {
	err := onSocket(func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_UDP, option, value) })
	if err != nil {
		return finding{What: what, State: note, Found: "not in this kernel (Linux " + since + " has it): " + doing + " takes ten times the processor"}
	}
	return finding{What: what, State: good, Found: doing + " many datagrams in one call"}
}

// onSocket does something with a UDP socket.
func onSocket(do func(fd int) error) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return do(fd)
}

// checkClock looks whether the clock is set by others (adjtimex(2)).
func checkClock() finding {
	f := finding{What: "clock", State: good, Found: "set by a time server"}
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil || t.Status&unix.STA_UNSYNC != 0 {
		f.State, f.Found = note, "not set by a time server: delays are right all the same, as receivers compare clocks, but times of day may not be"
		f.Mend = []string{"sudo timedatectl set-ntp true"}
	}
	return f
}

// checkNetem looks whether there is the kernel's simulation of bad networks, for those who test with it.
func checkNetem() finding {
	f := finding{What: "netem", State: good, Found: "can be had, to try bad networks with"}
	var name unix.Utsname
	unix.Uname(&name)
	modules := "/lib/modules/" + unix.ByteSliceToString(name.Release[:])
	for _, list := range []string{"/proc/modules", modules + "/modules.dep", modules + "/modules.builtin"} {
		if content, _ := os.ReadFile(list); bytes.Contains(content, []byte("sch_netem")) {
			return f
		}
	}
	f.State, f.Found = note, "not in this kernel; who wants to try bad networks: bench/lab has one that can"
	return f
}

// pathMTU is the size of packets that get to where a socket is connected, as far as the kernel knows.
func pathMTU(conn *net.UDPConn) (mtu int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	level, option := unix.IPPROTO_IP, unix.IP_MTU
	if conn.RemoteAddr().(*net.UDPAddr).IP.To4() == nil {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_MTU
	}
	if e := raw.Control(func(fd uintptr) { mtu, err = unix.GetsockoptInt(int(fd), level, option) }); e != nil {
		return 0, e
	}
	return mtu, err
}
