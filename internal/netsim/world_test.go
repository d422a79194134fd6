package netsim_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/sender"
)

func never() bool { return false }

// Two tasks take turns as their sleeps say, and the clock shows it.
func TestSleep(t *testing.T) {
	w := netsim.NewWorld()
	began := w.Now()
	var got []string
	for _, period := range []time.Duration{3 * time.Second, 2 * time.Second} {
		w.Go(func() {
			for range 3 {
				w.Sleep(period)
				got = append(got, fmt.Sprint(period, w.Now().Sub(began)))
			}
		})
	}
	w.Run(never)
	want := []string{"2s 2s", "3s 3s", "2s 4s", "3s 6s", "2s 6s", "3s 9s"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Datagrams come after the path's delay, in order, and Receive keeps its deadline.
func TestEnd(t *testing.T) {
	w := netsim.NewWorld()
	a, b := w.Link(1, netsim.Path{Delay: 5 * time.Millisecond}, nil)
	began := w.Now()
	b.Read()
	var got []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.SetReceiveDeadline(began.Add(time.Second))
		for {
			trains, err := b.Receive()
			for _, d := range trains {
				got = append(got, fmt.Sprint(string(d.Bytes), " ", d.From.Port(), " ", w.Now().Sub(began)))
			}
			if err != nil {
				got = append(got, fmt.Sprint(err, " ", w.Now().Sub(began)))
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				b.SetReceiveDeadline(time.Time{})
			} else if errors.Is(err, net.ErrClosed) {
				return
			}
		}
	}()
	w.Go(func() {
		a.Send(netsim.AddrB, [][2][]byte{{[]byte("a"), []byte("b")}, {[]byte("c"), nil}})
		w.Sleep(2 * time.Second)
		a.Send(netsim.AddrB, [][2][]byte{{[]byte("d"), nil}})
		w.Sleep(time.Second)
	})
	w.Run(never)
	<-done
	want := []string{"ab 1000 5ms", "c 1000 5ms", "i/o timeout 1s", "d 1000 2.005s", "use of closed network connection 3s"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// camera sends frames over a lossy path, and returns a sum over all that happened, and how many frames came.
func camera(t *testing.T, seed uint64, stop func() bool) (sum [32]byte, delivered int) {
	t.Helper()
	w := netsim.NewWorld()
	h := sha256.New()
	note := func(args ...any) { fmt.Fprintln(h, append(args, w.Now())...) }
	path := netsim.Path{Loss: 0.05, Delay: 2 * time.Millisecond, Jitter: time.Millisecond, Rate: 30e6, Limit: 200}
	a, b := w.Link(seed, path, func(d []byte, fate netsim.Fate) { note(len(d), fate) })
	a.Read()
	b.Read()
	s, err := sender.New(sender.Config{Clock: w}, sender.Destination{Conn: a, Addr: netsim.AddrB})
	if err != nil {
		t.Fatal(err)
	}
	r := receiver.New(receiver.Config{Clock: w}, b)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for f := range r.Frames(context.Background()) {
			delivered++
			note(f.ID, len(f.JPEG))
		}
	}()
	w.Go(func() {
		jpeg := make([]byte, 150_000)
		copy(jpeg, "\xff\xd8")
		copy(jpeg[len(jpeg)-2:], "\xff\xd9")
		for range 100 {
			if _, err := s.Send(protocol.Frame{Captured: w.Now(), JPEG: jpeg}); err != nil {
				return
			}
			w.Sleep(33 * time.Millisecond)
		}
		w.Sleep(time.Second)
	})
	w.Run(stop)
	<-done
	s.Close()
	return sha256.Sum256(fmt.Append(h.Sum(nil), s.Stats(), r.Stats())), delivered
}

func TestWorldSameSeedSameFate(t *testing.T) {
	one, delivered := camera(t, 1, never)
	if delivered < 60 {
		t.Errorf("%d of 100 frames came", delivered)
	}
	for range 3 {
		if two, _ := camera(t, 1, never); one != two {
			t.Error("the same seed had another outcome")
		}
	}
	if three, _ := camera(t, 2, never); one == three {
		t.Error("another seed had the same outcome")
	}
}

// A world that is stopped leaves no goroutine behind: goleak checks that.
func TestStop(t *testing.T) {
	asked := 0
	camera(t, 1, func() bool { asked++; return asked > 3 })
}
