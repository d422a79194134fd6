package sender_test

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"udpcam/internal/netsim"
	"udpcam/protocol"
	"udpcam/sender"
)

// A forger sends feedback in a receiver's name, beside the receiver's own. It reads the stream, if it is not blind.
type forger struct {
	protocol.Conn
	mu      sync.Mutex
	blind   bool
	session [4]byte
	echo    [6]byte // of the last announcement
	newest  protocol.DatagramInfo
	began   time.Time // when the newest frame came
}

// Receive reads what the receiver gets.
func (f *forger) Receive() ([]protocol.Batch, error) {
	batches, err := f.Conn.Receive()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, batch := range batches {
		for b := range batch.All() {
			info, err := protocol.Inspect(b)
			copy(f.session[:], b[4:7])
			switch {
			case err != nil:
			case info.Kind == protocol.KindAnnouncement:
				copy(f.echo[:], b[20:])
			case protocol.Newer(info.FrameID, f.newest.FrameID) || f.began.IsZero():
				f.newest, f.began = info, time.Now()
			}
		}
	}
	return batches, err
}

// A lie is what a forged report says of the stream.
type lie struct {
	largest, late uint16
	// train makes a train of a frame that was sent in some datagrams, the first of which came some time ago.
	train  func(sent int, ago time.Duration) protocol.Train
	behind uint32 // how many of the newest frames it does not tell of
	// request asks for the newest frame as well.
	request bool
}

// tell sends a forged report about the last trains, following protocol/README.md.
func (f *forger) tell(l lie) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.began.IsZero() {
		return
	}
	now := time.Now()
	timestamp := func(b []byte, t time.Time) []byte {
		return append(b, binary.BigEndian.AppendUint64(nil, uint64(t.UnixMicro()))[2:]...)
	}
	b := append([]byte{0, 0xca, 0x14, 0}, f.session[0], f.session[1], f.session[2], 0)
	b = timestamp(b, now)
	if f.blind {
		b = timestamp(b, now.Add(-100*time.Millisecond))
	} else {
		b = append(b, f.echo[:]...)
	}
	b = binary.BigEndian.AppendUint32(b, 1)
	b = binary.BigEndian.AppendUint16(b, l.largest)
	b = binary.BigEndian.AppendUint16(b, l.late)
	trains := uint32(0)
	if l.train != nil && f.newest.FrameID > l.behind {
		trains = min(protocol.MaxTrains, f.newest.FrameID+1-l.behind)
	}
	b = binary.BigEndian.AppendUint32(b, trains<<24|1_000_000)
	for i := l.behind; i < l.behind+trains; i++ {
		sent := f.newest.Data + f.newest.Parity
		t := l.train(sent, now.Sub(f.began)+time.Duration(i)*time.Second/30)
		b = binary.BigEndian.AppendUint32(b, f.newest.FrameID-i)
		b = timestamp(b, now.Add(-t.Took))
		b = binary.BigEndian.AppendUint16(b, uint16(t.Came))
		b = binary.BigEndian.AppendUint32(b, uint32(t.Took.Microseconds()))
		b = binary.BigEndian.AppendUint32(b, uint32(t.Span.Microseconds()))
		for _, n := range []int{t.LostFirst, t.LostSecond, t.Runs, 0} {
			b = binary.BigEndian.AppendUint16(b, uint16(n))
		}
	}
	f.Conn.Send(camera, []protocol.Datagram{{b, nil}})
	if l.request {
		session := binary.BigEndian.Uint32(append([]byte{0}, f.session[:3]...))
		f.Conn.Send(camera, []protocol.Datagram{{request(session, f.newest.FrameID, 0, 0), nil}})
	}
}

// The lies of a forger who knows the protocol.
var lies = map[string]lie{
	"nothing arrives":    {largest: 76, train: func(int, time.Duration) protocol.Train { return protocol.Train{} }},
	"half is lost":       {largest: 76, train: func(n int, _ time.Duration) protocol.Train { return lost(n, n/4, n/4, n/4, 0) }},
	"the end is lost":    {largest: 76, behind: 1, train: func(n int, ago time.Duration) protocol.Train { return lost(n, 0, n/2, 1, ago) }},
	"slowly":             {largest: 1436, behind: 2, train: func(n int, ago time.Duration) protocol.Train { return lost(n, 0, 0, 0, ago) }},
	"impossibly slowly":  {largest: 1436, train: func(n int, _ time.Duration) protocol.Train { return lost(n, 0, 0, 0, time.Hour) }},
	"more than was sent": {largest: 1436, train: func(n int, _ time.Duration) protocol.Train { return lost(3*n, n, n, 1, 0) }},
	"a black hole":       {largest: 76},
	"all was late":       {largest: 1436, late: 65_535},
	"all is well":        {largest: 1436, train: func(n int, _ time.Duration) protocol.Train { return lost(n, 0, 0, 0, 0) }},
	"requests":           {largest: 1436, request: true},
	"nothing, requests":  {largest: 76, request: true, train: func(int, time.Duration) protocol.Train { return protocol.Train{} }},
}

// lost is a train of n datagrams of which some of the first and second half are lost, in some runs.
func lost(n, first, second, runs int, took time.Duration) protocol.Train {
	return protocol.Train{Came: n - first - second, LostFirst: first, LostSecond: second, Runs: runs, Took: took, Span: took}
}

// forged sends 330 frames over a path. Meanwhile somebody sends 100 forged reports a second in the receiver's name, for five
// seconds. It returns the result, the bytes on the wire for each of a frame during and after that, and how many frames were
// skipped after it.
func forged(t *testing.T, p netsim.Path, l lie, blind bool, log *bytes.Buffer) (r result, during, after float64, skipped uint64) {
	s := newShow(t, p, sender.Config{Log: slog.New(slog.NewTextHandler(log, nil))})
	s.watcher.stop()
	f := &forger{Conn: listen(t, s.network, viewer), blind: blind}
	s.watcher = watch(f, protocol.AssemblerConfig{})
	measure := func(frames int) (wire float64, skipped uint64) {
		a := s.sender.Stats()
		s.send(t, frames, 78_200, 30)
		b := s.sender.Stats()
		return float64(b.WireBytes-a.WireBytes) / float64(b.FrameBytes-a.FrameBytes), b.Skipped - a.Skipped
	}
	measure(60)
	var lying sync.WaitGroup
	lying.Go(func() {
		for range 500 {
			f.tell(l)
			time.Sleep(10 * ms)
		}
	})
	during, _ = measure(150)
	lying.Wait()
	measure(60) // what it may take to recover
	after, skipped = measure(60)
	s.close()
	return s.result(), during, after, skipped
}

// TestForgedReports compares streams with and without a forger. It has hardly an effect, and none that lasts. A forger who
// cannot read the stream has no effect at all, except that requests are answered.
func TestForgedReports(t *testing.T) {
	for i, path := range []struct {
		name  string
		path  netsim.Path
		share float64 // of the frames without the forger, at least
		wire  float64 // of the bytes without the forger, at most
	}{
		{"wide", netsim.Path{Delay: ms}, 0.99, 1.1},
		{"lossy", netsim.Path{Delay: ms, Loss: 0.05}, 0.99, 1.2},
		{"narrow", netsim.Path{Delay: ms, Rate: 15e6, Queue: 94_000}, 0.9, 1.1},
	} {
		if testing.Short() && i > 0 {
			break // one is enough for the race detector
		}
		var want result
		var wire float64
		synctest.Test(t, func(t *testing.T) {
			want, _, wire, _ = forged(t, path.path, lie{}, true, &bytes.Buffer{})
		})
		for name, l := range lies {
			for _, blind := range []bool{true, false} {
				if testing.Short() && blind && !l.request {
					continue
				}
				t.Run(path.name+", "+name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						var log bytes.Buffer
						r, during, after, skipped := forged(t, path.path, l, blind, &log)
						t.Logf("%s, %s, blind %v: %d of %d frames, %d skipped, wire × %.3f, later × %.3f and %d skipped, usually %.3f, %v",
							path.name, name, blind, r.delivered, want.delivered, r.Skipped, during, after, skipped, wire, r.RefusedFeedback)
						if float64(r.delivered) < path.share*float64(want.delivered) || during > path.wire*wire || after > 1.1*wire {
							t.Errorf("want %.0f%% of the frames, and little more on the wire", 100*path.share)
						}
						if blind && !l.request && during > 1.02*wire {
							t.Error("a forger who knows no echo has an effect")
						}
						if strings.Contains(log.String(), "smaller datagrams") || strings.Count(log.String(), "\n") > 3 {
							t.Errorf("logged:\n%s", log.String())
						}
					})
				})
			}
		}
	}
}
