package receiver_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/receiver/sink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	camera = netip.MustParseAddrPort("10.0.0.1:40000")
	viewer = netip.MustParseAddrPort("10.0.0.2:12345")
)

func street(t testing.TB) []byte {
	b, err := os.ReadFile("../protocol/mjpeg/testdata/street/5.jpg")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// setup returns a receiver and a conn to send to it from.
func setup(t *testing.T, c receiver.Config) (*receiver.Receiver, *netsim.Conn) {
	n := netsim.New(1, netsim.Path{Delay: time.Millisecond})
	in, err := n.Listen(viewer)
	if err != nil {
		t.Fatal(err)
	}
	out, err := n.Listen(camera)
	if err != nil {
		t.Fatal(err)
	}
	r := receiver.New(c, in)
	t.Cleanup(func() {
		r.Close()
		out.Close()
	})
	return r, out
}

// datagrams returns an announcement and a frame's segments.
func datagrams(t *testing.T, id uint32, jpeg []byte) []protocol.Datagram {
	s, err := protocol.NewSplitter(1, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var o protocol.Outgoing
	if err := s.Split(&o, protocol.Frame{ID: id, Captured: time.Now(), JPEG: jpeg}, 0); err != nil {
		t.Fatal(err)
	}
	announcement := s.Announce(protocol.Announcement{Name: "door"}, &protocol.RemoteClock{}, time.Now())
	return append(announcement, o.Data()...)
}

func TestReceiverHandsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, out := setup(t, receiver.Config{})
		jpeg := street(t)
		go func() {
			for id := range uint32(10) {
				time.Sleep(33 * time.Millisecond)
				out.Send(viewer, datagrams(t, id, jpeg))
			}
		}()
		want := uint32(0)
		for f, err := range r.Frames(t.Context()) {
			if err != nil || f.ID != want || f.Stream != "door" || !bytes.Equal(f.JPEG, jpeg) {
				t.Fatalf("frame %d of %q, %d bytes, %v; want frame %d", f.ID, f.Stream, len(f.JPEG), err, want)
			}
			if late := time.Since(f.Captured); late != time.Millisecond {
				t.Errorf("frame %d was handed on %v after it was captured, want 1ms: the network's delay", f.ID, late)
			}
			if want++; want == 10 {
				break
			}
		}
		if st := r.Stats(); st.Frames != 10 || st.Dropped.Total() != 0 || len(r.Streams()) != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// TestReceiverLends keeps frames that it also gives to a queue. They must not change. The memory of the other frames must be
// used again.
func TestReceiverLends(t *testing.T) {
	const frames = 20
	synctest.Test(t, func(t *testing.T) {
		r, out := setup(t, receiver.Config{})
		pictures := func(id uint32) []byte { return append([]byte{0xff, 0xd8, byte(id)}, street(t)[2:]...) }
		go func() {
			for id := range uint32(2 * frames) {
				time.Sleep(33 * time.Millisecond)
				out.Send(viewer, datagrams(t, id, pictures(id)))
			}
		}()
		file := filepath.Join(t.TempDir(), "frames.mjpg")
		recording, err := sink.Open(file, sink.Options{})
		if err != nil {
			t.Fatal(err)
		}
		q := sink.NewQueue(recording, sink.QueueOptions{})
		var kept []protocol.Frame
		memory := map[*byte]bool{} // of frames that are not kept
		for f, err := range r.Frames(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if f.ID < frames {
				kept = append(kept, f.Keep())
				q.Put(f)
			} else {
				memory[&f.JPEG[0]] = true
			}
			if f.ID == 2*frames-1 {
				break
			}
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		recorded, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range kept {
			want := pictures(uint32(i))
			if !bytes.Equal(f.JPEG, want) {
				t.Errorf("frame %d, kept beside the queue, has changed", f.ID)
			}
			if !bytes.HasPrefix(recorded, want) {
				t.Fatalf("frame %d is not what was recorded", f.ID)
			}
			recorded = recorded[len(want):]
		}
		if len(kept) != frames || len(memory) > 2 {
			t.Errorf("%d frames are kept, the others had memory for %d", len(kept), len(memory))
		}
	})
}

func TestReceiverDropsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, out := setup(t, receiver.Config{Deadline: 200 * time.Millisecond})
		ds := datagrams(t, 1, street(t))
		out.Send(viewer, ds[:len(ds)-1])
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for f, err := range r.Frames(ctx) {
			t.Fatalf("frame %d came, %v", f.ID, err)
		}
		if st := r.Stats(); st.Dropped[protocol.FrameLate] != 1 || st.Pending != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestReceiverEnds checks the three ways in which an iteration ends, and that it can be started again after the first.
func TestReceiverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, out := setup(t, receiver.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		start := time.Now()
		for range r.Frames(ctx) {
			t.Fatal("a frame came")
		}
		if d := time.Since(start); d != time.Minute {
			t.Errorf("it ended after %v, want at once when ctx was done after 1m", d)
		}
		out.Send(viewer, datagrams(t, 1, street(t)))
		count := 0
		for range r.Frames(t.Context()) {
			count++
			break
		}
		if count != 1 {
			t.Error("the second iteration had no frame")
		}
		time.AfterFunc(time.Minute, func() { r.Close() })
		for range r.Frames(t.Context()) {
			t.Fatal("a frame came")
		}
	})
}

type brokenConn struct{ protocol.Conn }

var errBroken = errors.New("the socket is broken")

func (brokenConn) Receive() ([]protocol.Batch, error) {
	return nil, errBroken
}
func (brokenConn) SetReceiveDeadline(time.Time) error { return nil }
func (brokenConn) LocalAddr() netip.AddrPort          { return viewer }

func TestReceiverReportsABrokenSocket(t *testing.T) {
	var last error
	for _, err := range receiver.New(receiver.Config{}, brokenConn{}).Frames(t.Context()) {
		last = err
	}
	if !errors.Is(last, errBroken) {
		t.Errorf("error %v", last)
	}
}

func TestListenPortInUse(t *testing.T) {
	r, err := receiver.Listen(t.Context(), receiver.Config{}, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_, err = receiver.Listen(t.Context(), receiver.Config{}, r.LocalAddr().String())
	if err == nil || !strings.Contains(err.Error(), "in use") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
	var dns *net.DNSError
	if _, err := receiver.Listen(t.Context(), receiver.Config{}, "no.such.host.invalid:1"); !errors.As(err, &dns) {
		t.Errorf("error %v", err)
	}
}
