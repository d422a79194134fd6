package netsim_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/sender"
)

// A trial is a camera that sends over a path, and the results.
type trial struct {
	path   netsim.Path
	size   int // of a frame, in bytes
	fps    int
	frames int
	config receiver.Config
	sender sender.Config
}

type outcome struct {
	delivered int
	slowest   time.Duration // from capture to hand-over
	settled   time.Duration // the same, without the frames of the first half second
	received  protocol.Stats
	sent      sender.Stats
	link      netsim.Stats
}

// run makes the trial, in simulated time, and fails the test if a frame comes out that was not sent, twice, or after a
// newer one.
func (c trial) run(t *testing.T, seed uint64) (out outcome) {
	synctest.Test(t, func(t *testing.T) {
		n := netsim.New(seed, c.path)
		r := receiver.New(c.config, listen(t, n, b))
		s, err := sender.New(c.sender, sender.Destination{Conn: listen(t, n, a), Addr: b})
		if err != nil {
			t.Fatal(err)
		}
		var pictures [][]byte
		order := map[uint32]int{}
		for i := range c.frames {
			pictures = append(pictures, picture(c.size, seed<<32+uint64(i)))
			order[crc32.ChecksumIEEE(pictures[i])] = i
		}
		last := -1
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for f := range r.Frames(ctx) {
				i, sent := order[crc32.ChecksumIEEE(f.JPEG)]
				if !sent || i <= last {
					t.Errorf("frame %d (sent: %v) was handed on after frame %d", i, sent, last)
				}
				last = i
				out.delivered++
				out.slowest = max(out.slowest, time.Since(f.Captured))
				if f.ID >= uint32(c.fps/2) {
					out.settled = max(out.settled, time.Since(f.Captured))
				}
			}
		}()
		start := time.Now()
		for i, jpeg := range pictures {
			due := start.Add(time.Duration(i) * time.Second / time.Duration(c.fps))
			time.Sleep(time.Until(due))
			synctest.Wait() // other goroutines that are due at this moment run first
			if _, err := s.Send(protocol.Frame{Captured: due, JPEG: jpeg}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(3 * time.Second)
		cancel()
		<-done
		out.received, out.sent, out.link = r.Stats(), s.Stats(), n.Stats()
		r.Close()
		s.Close()
	})
	if out.received.Pending != 0 {
		t.Errorf("at the end %d bytes are pending", out.received.Pending)
	}
	return out
}

// TestLoss sends frames of all kinds over paths of all kinds, and compares the share that arrives with the promised one.
func TestLoss(t *testing.T) {
	sizes := []struct{ size, fps, frames int }{{3000, 120, 300}, {78_000, 30, 150}, {250_000, 30, 60}, {2_000_000, 15, 12}}
	for _, rtt := range []time.Duration{200 * time.Microsecond, 4 * time.Millisecond, 20 * time.Millisecond, 60 * time.Millisecond} {
		for _, loss := range []float64{0, 0.01, 0.05, 0.1, 0.2} {
			for _, s := range sizes {
				if testing.Short() && (rtt != 4*time.Millisecond || s.size != 78_000) {
					continue
				}
				t.Run(fmt.Sprintf("%v, %v %%, %d bytes, %d fps", rtt, 100*loss, s.size, s.fps), func(t *testing.T) {
					c := trial{path: netsim.Path{Delay: rtt / 2, Loss: loss}, size: s.size, fps: s.fps, frames: s.frames}
					out := c.run(t, 1)
					if want := int(promised(loss, rtt) * float64(s.frames)); out.delivered < want {
						t.Errorf("%d of %d frames came, want %d; dropped %v", out.delivered, s.frames, want, out.received.Dropped.Map())
					}
					// A frame waits at most 150 ms for an older one. The interval between them and the path's delay are
					// added. If repairs are lost too, only the deadline bounds the delay.
					interval := time.Second / time.Duration(s.fps)
					limit := rtt/2 + 150*time.Millisecond + 2*interval
					if loss > 0.05 {
						limit = protocol.DefaultDeadline + interval
					}
					if out.slowest > limit {
						t.Errorf("the slowest frame took %v, want at most %v", out.slowest, limit)
					}
					if loss == 0 && out.received.Requests > 0 {
						t.Errorf("%d requests, though nothing was lost", out.received.Requests)
					}
				})
			}
		}
	}
}

// promised is the least share of frames that must arrive.
func promised(loss float64, rtt time.Duration) float64 {
	switch {
	case loss == 0:
		return 1
	case loss <= 0.05:
		return 0.99
	case loss <= 0.1:
		return 0.98
	}
	if rtt >= 60*time.Millisecond { // repairing a large frame takes longer than newer frames wait
		return 0.6
	}
	return 0.9
}

// TestBursts has losses come in bursts, and datagrams overtake each other, as on a busy wireless network.
func TestBursts(t *testing.T) {
	c := trial{size: 78_000, fps: 30, frames: 600, path: netsim.Path{
		Delay: 1500 * time.Microsecond, Jitter: time.Millisecond, Burst: netsim.Burst{Enter: 0.01, Leave: 0.2}}}
	if out := c.run(t, 1); out.delivered < 597 {
		t.Errorf("%d of 600 frames came: %+v", out.delivered, out.received)
	}
}

// TestEverythingAtOnce adds duplicates and damage, which no checksum of UDP catches here.
func TestEverythingAtOnce(t *testing.T) {
	c := trial{size: 78_000, fps: 30, frames: 300, path: netsim.Path{
		Delay: 2 * time.Millisecond, Jitter: 3 * time.Millisecond, Loss: 0.02, Duplicate: 0.05, Damage: 0.0005}}
	if out := c.run(t, 1); out.delivered < 270 {
		t.Errorf("%d of 300 frames came: %+v", out.delivered, out.received)
	}
}

// TestOneWay loses datagrams of a stream from which nothing comes back.
func TestOneWay(t *testing.T) {
	c := trial{size: 78_000, fps: 30, frames: 300, path: netsim.Path{Delay: time.Millisecond, Loss: 0.05},
		config: receiver.Config{OneWay: true}, sender: sender.Config{OneWay: true, FEC: sender.FECShare(0.2)}}
	out := c.run(t, 1)
	if out.delivered < 297 || out.received.Feedback != 0 || out.link.Sent != out.sent.Datagrams {
		t.Errorf("%d of 300 frames came: %+v %+v", out.delivered, out.received, out.sent)
	}
}

// TestFeedbackIsBounded counts the bytes that receivers send.
func TestFeedbackIsBounded(t *testing.T) {
	for _, loss := range []float64{0, 0.1, 0.5, 0.9} {
		c := trial{size: 78_000, fps: 30, frames: 150, path: netsim.Path{Delay: time.Millisecond, Loss: loss}}
		out := c.run(t, 1)
		// The receiver gets the bytes that were sent and not lost. It may send one byte of feedback for eight of these.
		back := out.link.Bytes - out.sent.WireBytes
		if back > uint64(float64(out.sent.WireBytes)*(1.05-loss))/8 {
			t.Errorf("at a loss of %v, %d bytes of feedback came back for %d", loss, back, out.sent.WireBytes)
		}
	}
}

// TestOverload sends 19 Mbit/s to a path that carries 15, as tc's tbf does with rate 15mbit, burst 32k and latency 50ms.
func TestOverload(t *testing.T) {
	c := trial{size: 78_200, fps: 30, frames: 200, path: netsim.Path{Delay: 50 * time.Microsecond, Rate: 15e6, Queue: 126_000}}
	out := c.run(t, 1)
	// Until the overload is noticed, repairs wait behind a full queue.
	if out.delivered < 140 || out.slowest > 180*time.Millisecond || out.settled > 120*time.Millisecond {
		t.Errorf("%d of 200 frames came, the slowest after %v, later on %v: dropped %v, sent %+v, link %+v", out.delivered, out.slowest,
			out.settled, out.received.Dropped.Map(), out.sent, out.link)
	}
	// 200 frames make 15.6 MB, or 16.3 MB with headers: nothing is to be added to what does not fit.
	if most := uint64(16_300_000); out.sent.WireBytes > most {
		t.Errorf("%d bytes were sent, of at most %d", out.sent.WireBytes, most)
	}
}
