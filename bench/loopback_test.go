package bench_test

import (
	"context"
	"testing"
	"time"

	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/sender"
)

// A loop is a sender and a receiver on loopback.
type loop struct {
	*sender.Sender
	receiver *receiver.Receiver
	got      chan int // bytes of each frame that came
}

// newLoop begins to receive.
func newLoop(t testing.TB, c sender.Config) loop {
	r, err := receiver.Listen(t.Context(), receiver.Config{}, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sender.Dial(t.Context(), c, r.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	l := loop{s, r, make(chan int, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for f, err := range r.Frames(context.Background()) {
			if err != nil {
				t.Error(err)
				return
			}
			l.got <- len(f.JPEG)
		}
	}()
	t.Cleanup(func() {
		s.Close()
		r.Close()
		<-done
	})
	return l
}

// send sends a frame. A sender on a busy machine may skip frames, so send repeats until one has left.
func (l loop) send(t testing.TB, f protocol.Frame) {
	for sent := false; !sent; {
		var err error
		if sent, err = l.Send(f); err != nil {
			t.Fatal(err)
		}
	}
}

// next waits for a frame and returns how many bytes it has.
func (l loop) next(t testing.TB) int {
	select {
	case n := <-l.got:
		return n
	case <-time.After(10 * time.Second):
		t.Fatalf("a frame does not come: sent %+v, received %+v", l.Stats(), l.receiver.Stats())
		return 0
	}
}

func picture(size int) protocol.Frame {
	b := make([]byte, size)
	copy(b, "\xff\xd8\xff")
	copy(b[size-2:], "\xff\xd9")
	return protocol.Frame{JPEG: b}
}

// BenchmarkLoopback sends frames as fast as they are received. A few are on their way at any time. It shows what one sender
// and one receiver can carry on two cores, checksums included.
func BenchmarkLoopback(b *testing.B) {
	const onTheWay = 8 // frames, which the receive buffer holds
	for name, c := range map[string]sender.Config{
		"no parity": {Pace: sender.PaceOff, FEC: sender.FECOff},
		"parity":    {Pace: sender.PaceOff},
	} {
		b.Run(name, func(b *testing.B) {
			l := newLoop(b, c)
			f := picture(250_000)
			b.SetBytes(int64(len(f.JPEG)))
			b.ReportAllocs()
			sent := 0
			for b.Loop() {
				f.Captured = time.Now()
				if l.send(b, f); sent < onTheWay {
					sent++
				} else {
					l.next(b)
				}
			}
			for range sent {
				l.next(b)
			}
			b.ReportMetric(float64(len(f.JPEG))*8*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gbit/s")
		})
	}
}

// TestAllocations checks that a frame costs a few allocations on its way, and a datagram none.
func TestAllocations(t *testing.T) {
	for _, size := range []int{3000, 78_200, 250_000} {
		l := newLoop(t, sender.Config{Pace: sender.PaceOff})
		f := picture(size)
		carry := func() {
			f.Captured = time.Now()
			l.send(t, f)
			if n := l.next(t); n != size {
				t.Fatalf("%d bytes came", n)
			}
		}
		for range 300 {
			carry()
		}
		if n := testing.AllocsPerRun(200, carry); n > 16 {
			t.Errorf("a frame of %d bytes allocates %v times, want at most 16", size, n)
		}
	}
}
