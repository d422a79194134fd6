package datachannel_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"udpcam/internal/datachannel"
	"udpcam/protocol"
)

// A link is a network between a browser and a port: one datagram in twenty is lost, and while it is cut all are.
type link struct {
	*net.UDPConn // to which the browser sends
	cut          atomic.Bool
}

func newLink(t *testing.T, to netip.AddrPort) *link {
	t.Helper()
	near, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	far, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	for _, c := range []*net.UDPConn{near, far} {
		c.SetReadBuffer(4 << 20)
	}
	l := &link{UDPConn: near}
	var browser atomic.Pointer[netip.AddrPort]
	passes := func() bool { return !l.cut.Load() && rand.IntN(20) > 0 }
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := near.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if browser.Store(&from); passes() {
				far.Write(b[:n])
			}
		}
	}()
	go func() {
		b := make([]byte, 2048)
		for {
			n, err := far.Read(b)
			if err != nil {
				return
			}
			if passes() {
				near.WriteToUDPAddrPort(b[:n], *browser.Load())
			}
		}
	}()
	return l
}

// After an outage, what is sent then soon arrives: nothing old has to arrive first.
func TestOutage(t *testing.T) {
	conn := listen(t, datachannel.Config{})
	network := newLink(t, conn.LocalAddr())
	browser, err := datachannel.Dial(t.Context(), func(offer []byte) ([]byte, error) {
		answer, err := conn.Answer(offer, loopback)
		port := func(at net.Addr) []byte {
			return fmt.Appendf(nil, " %d typ", netip.MustParseAddrPort(at.String()).Port())
		}
		return bytes.Replace(answer, port(net.UDPAddrFromAddrPort(conn.LocalAddr())), port(network.LocalAddr()), 1), err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer browser.Close()
	at := say(t, browser, netip.AddrPort{}, conn, "here")

	// A camera of 78 kB at 30 fps, whose datagrams say when they left; and a browser that reports.
	var newest atomic.Int64
	go func() {
		for frame := time.NewTicker(33 * time.Millisecond); t.Context().Err() == nil; <-frame.C {
			var b [1372]byte
			binary.BigEndian.PutUint64(b[:], uint64(time.Now().UnixNano()))
			for range 60 {
				conn.Send(at, []protocol.Datagram{{b[:28], b[28:]}})
			}
			browser.Send(netip.AddrPort{}, []protocol.Datagram{{b[:28], b[28:60]}})
		}
	}()
	go func() {
		for {
			browser.SetReceiveDeadline(time.Time{})
			batches, err := browser.Receive()
			if err != nil {
				return
			}
			for _, b := range batches {
				if len(b.Bytes) == 1372 {
					newest.Store(max(newest.Load(), int64(binary.BigEndian.Uint64(b.Bytes))))
				}
			}
		}
	}()
	time.Sleep(time.Second)
	for _, outage := range []time.Duration{500 * time.Millisecond, 4 * time.Second} {
		network.cut.Store(true)
		time.Sleep(outage)
		network.cut.Store(false)
		back := time.Now()
		for newest.Load() < back.UnixNano() && time.Since(back) < 10*time.Second {
			time.Sleep(time.Millisecond)
		}
		took := time.Since(back).Round(time.Millisecond)
		t.Logf("after %v, a datagram that left later is there after %v", outage, took)
		if took > 2*time.Second { // a busy machine has its own delays
			t.Error("that is too long")
		}
		time.Sleep(time.Second)
	}
}
