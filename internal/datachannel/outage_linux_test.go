package datachannel_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"udpcam/internal/datachannel"
	"udpcam/internal/netns"
	"udpcam/internal/netsim"
	"udpcam/protocol"
)

// After an outage, what is sent then soon arrives: nothing old has to arrive first.
func TestNetnsOutage(t *testing.T) {
	path, err := netsim.ParseNetem("delay 2ms loss 5%")
	if err != nil {
		t.Fatal(err)
	}
	cable, err := netns.NewTunnel(path, 1)
	if errors.Is(err, netns.ErrRoot) || errors.Is(err, netns.ErrTun) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer cable.Close()
	var conn *datachannel.Conn
	if err := cable.B.Do(func() (err error) {
		conn, err = datachannel.Listen(t.Context(), netip.AddrPortFrom(netns.AddrB, 8080).String(), datachannel.Config{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var browser *datachannel.Channel
	if err := cable.A.Do(func() (err error) {
		browser, err = datachannel.Dial(t.Context(), func(offer []byte) ([]byte, error) { return conn.Answer(offer, netns.AddrB) })
		return err
	}); err != nil {
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
		if err := cable.Change("loss 100%"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(outage)
		if err := cable.Change("delay 2ms loss 5%"); err != nil {
			t.Fatal(err)
		}
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
