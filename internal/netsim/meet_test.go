package netsim_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/sender"
)

// These tests connect the sender and the receiver, in simulated time.

// A delivery is a frame as a receiver handed it on.
type delivery struct {
	stream string
	sum    uint32 // CRC of the bytes
	at     time.Time
}

func picture(size int, seed uint64) []byte {
	b := make([]byte, size)
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	rand.NewChaCha8(key).Read(b)
	copy(b, "\xff\xd8\xff")
	copy(b[size-2:], "\xff\xd9")
	return b
}

// run starts a receiver on conn until ctx is done, and returns what it handed on, and its counts.
func run(ctx context.Context, c *netsim.Conn) func() ([]delivery, protocol.Stats) {
	r := receiver.New(receiver.Config{}, c)
	var got []delivery
	done := make(chan struct{})
	go func() {
		defer close(done)
		for f := range r.Frames(ctx) {
			got = append(got, delivery{f.Stream, crc32.ChecksumIEEE(f.JPEG), time.Now()})
		}
	}()
	return func() ([]delivery, protocol.Stats) {
		<-done
		r.Close()
		return got, r.Stats()
	}
}

func newSender(t *testing.T, n *netsim.Network, from netip.AddrPort, name string, to ...netip.AddrPort) *sender.Sender {
	c := listen(t, n, from)
	var ds []sender.Destination
	for _, addr := range to {
		ds = append(ds, sender.Destination{Conn: c, Addr: addr})
	}
	s, err := sender.New(sender.Config{Name: name}, ds...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestMeetTwoAndTwo has two senders send to the same two receivers. One receiver loses everything for a while.
func TestMeetTwoAndTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{Delay: time.Millisecond})
		other, viewer := netip.MustParseAddrPort("10.0.0.3:1000"), netip.MustParseAddrPort("10.0.0.4:2000")
		ctx, cancel := context.WithCancel(t.Context())
		atB, atViewer := run(ctx, listen(t, n, b)), run(ctx, listen(t, n, viewer))
		door, yard := newSender(t, n, a, "door", b, viewer), newSender(t, n, other, "yard", b, viewer)
		defer door.Close()
		defer yard.Close()
		for i := range 30 {
			if i == 10 || i == 20 {
				n.SetPath(a, viewer, netsim.Path{Loss: float64(20-i) / 10})
			}
			for k, s := range []*sender.Sender{door, yard} {
				if _, err := s.Send(protocol.Frame{Captured: time.Now(), JPEG: picture(5000, uint64(2*i+k))}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(33 * time.Millisecond)
		}
		cancel()
		count := func(result func() ([]delivery, protocol.Stats)) map[string]int {
			got, _ := result()
			counts := map[string]int{}
			for _, g := range got {
				counts[g.stream]++
			}
			return counts
		}
		if c := count(atB); c["door"] != 30 || c["yard"] != 30 || len(c) != 2 {
			t.Errorf("one receiver has %v, want 30 of each", c)
		}
		if c := count(atViewer); c["door"] != 20 || c["yard"] != 30 || len(c) != 2 {
			t.Errorf("the receiver that lost 10 of door has %v", c)
		}
	})
}

// TestMeetRestarts restarts first the sender and then the receiver, in the middle of a stream.
func TestMeetRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{Delay: time.Millisecond})
		send := func(s *sender.Sender, frames int) {
			for i := range frames {
				if _, err := s.Send(protocol.Frame{Captured: time.Now(), JPEG: picture(5000, uint64(i))}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(33 * time.Millisecond)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		result := run(ctx, listen(t, n, b))
		s := newSender(t, n, a, "door", b)
		send(s, 20)
		s.Close()
		s = newSender(t, n, netip.AddrPortFrom(a.Addr(), 1001), "door", b)
		send(s, 20)
		cancel()
		got, st := result()
		if len(got) < 40-10 || st.Dropped.Total() != 0 { // the new process has the name when the old one was silent for a quarter of a second
			t.Errorf("%d frames of 40 came from a sender that was restarted; dropped %v", len(got), st.Dropped.Map())
		}
		if slices.ContainsFunc(got, func(d delivery) bool { return d.stream != "door" }) {
			t.Error("the restarted sender's stream has another name")
		}

		ctx, cancel = context.WithCancel(t.Context())
		started := time.Now()
		result = run(ctx, listen(t, n, b))
		send(s, 20)
		cancel()
		s.Close()
		got, _ = result()
		if len(got) == 0 || got[0].at.Sub(started) > 250*time.Millisecond {
			t.Errorf("a receiver that was restarted has %d frames, and the first too late", len(got))
		}
	})
}

// TestMeetExactBytes checks the bytes themselves once, not only their sum.
func TestMeetExactBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(1, netsim.Path{})
		r := receiver.New(receiver.Config{}, listen(t, n, b))
		s := newSender(t, n, a, "door", b)
		defer s.Close()
		jpeg := picture(300_000, 1)
		if _, err := s.Send(protocol.Frame{Captured: time.Now(), JPEG: jpeg}); err != nil {
			t.Fatal(err)
		}
		for f, err := range r.Frames(t.Context()) {
			if err != nil || !bytes.Equal(f.JPEG, jpeg) {
				t.Fatalf("%d bytes came, %v", len(f.JPEG), err)
			}
			break
		}
		r.Close()
	})
}
