package datagram

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// waits begins to receive, and returns a channel that gets the error.
func waits(c *UDP) <-chan error {
	done := make(chan error, 1)
	go func() { _, err := c.Receive(); done <- err }()
	return done
}

// ends expects a wait to end with an error.
func ends(t *testing.T, wait <-chan error, want error) {
	t.Helper()
	select {
	case err := <-wait:
		if !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it still waits")
	}
}

// both runs a test twice: with a timerfd, and as on a system that has none.
func both(t *testing.T, test func(t *testing.T, out, in *UDP)) {
	t.Run("timerfd", func(t *testing.T) { out, in := pair(t, Options{}); test(t, out, in) })
	t.Run("none", func(t *testing.T) {
		out, in := pair(t, Options{})
		in.deadline.timer.close()
		in.deadline.timer = nil
		test(t, out, in)
	})
}

func TestDeadline(t *testing.T) {
	both(t, func(t *testing.T, out, in *UDP) {
		begun := time.Now()
		in.SetReceiveDeadline(begun.Add(20 * time.Millisecond))
		ends(t, waits(in), os.ErrDeadlineExceeded)
		if took := time.Since(begun); took < 20*time.Millisecond {
			t.Errorf("it gave up after %v", took)
		}
		ends(t, waits(in), os.ErrDeadlineExceeded) // it stays passed

		// A new deadline works like the first, and datagrams still arrive.
		in.SetReceiveDeadline(time.Now().Add(time.Hour))
		wait := waits(in)
		if err := out.Send(in.LocalAddr(), parts(10)); err != nil {
			t.Fatal(err)
		}
		ends(t, wait, nil)
	})
}

// TestDeadlineMoves moves the deadline of a wait that has begun.
func TestDeadlineMoves(t *testing.T) {
	both(t, func(t *testing.T, out, in *UDP) {
		in.SetReceiveDeadline(time.Now().Add(time.Hour))
		wait := waits(in)
		time.Sleep(5 * time.Millisecond)
		in.SetReceiveDeadline(time.Now().Add(5 * time.Millisecond)) // nearer
		ends(t, wait, os.ErrDeadlineExceeded)

		in.SetReceiveDeadline(time.Now().Add(200 * time.Millisecond))
		wait = waits(in)
		in.SetReceiveDeadline(time.Now().Add(time.Hour)) // further away
		select {
		case err := <-wait:
			t.Fatalf("Receive gave up at an old deadline: %v", err)
		case <-time.After(300 * time.Millisecond):
		}
		in.SetReceiveDeadline(time.Time{})     // never
		in.SetReceiveDeadline(time.Unix(1, 0)) // at once
		ends(t, wait, os.ErrDeadlineExceeded)
	})
}

// TestCloseEndsAll closes a socket while Receive waits on it. No goroutine and no file may be left.
func TestCloseEndsAll(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	_, in := pair(t, Options{})
	in.SetReceiveDeadline(time.Now().Add(time.Hour))
	wait := waits(in)
	time.Sleep(5 * time.Millisecond)
	in.Close()
	ends(t, wait, net.ErrClosed)
	if err := in.SetReceiveDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("setting the deadline after Close: %v", err)
	}
	if err := in.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closing it again: %v", err)
	}
}
