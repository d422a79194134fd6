package trace_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
	"udpcam/internal/netsim"
	"udpcam/internal/trace"
	"udpcam/protocol"
	"udpcam/receiver"
	"udpcam/sender"
)

// record sends frames without parity over a path, and returns the trace.
func record(t *testing.T, p netsim.Path, frames int) []byte {
	t.Helper()
	w, r := netsim.NewWorld(), trace.NewRecorder()
	a, b := w.Link(1, p, func(d []byte, fate netsim.Fate) {
		r.Dropped(d, map[netsim.Fate]trace.Fate{netsim.Lost: trace.Lost, netsim.Full: trace.Full}[fate])
	})
	a.Read()
	b.Read()
	s, err := sender.New(sender.Config{Clock: w, FEC: sender.FECOff}, sender.Destination{Conn: r.Tap(a, w, false), Addr: netsim.AddrB})
	if err != nil {
		t.Fatal(err)
	}
	viewer := receiver.New(receiver.Config{Clock: w}, r.Tap(b, w, true))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for f := range viewer.Frames(t.Context()) {
			r.Delivered(f.ID, w.Now())
		}
	}()
	w.Go(func() {
		jpeg := append(append([]byte("\xff\xd8"), make([]byte, 20_000)...), "\xff\xd9"...)
		for i := range frames {
			if _, err := s.Send(protocol.Frame{Captured: w.Now(), JPEG: jpeg}); err != nil {
				t.Error(err)
			}
			r.Captured(uint32(i), w.Now(), true)
			w.Sleep(33 * time.Millisecond)
		}
		w.Sleep(2 * time.Second)
	})
	w.Run(func() bool { return false })
	<-done
	s.Close()
	var file bytes.Buffer
	if err := trace.Write(&file, []trace.Case{r.Case("a path")}); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// For each frame, the figures of a trace add up.
func TestTrace(t *testing.T) {
	const frames = 50
	cases, err := trace.Read(bytes.NewReader(record(t, netsim.Path{Loss: 0.3, Delay: 2 * time.Millisecond}, frames)))
	if err != nil || len(cases) != 1 || cases[0].Name != "a path" {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	stories := cases[0].Stories()
	if len(stories) != frames {
		t.Fatalf("%d stories of %d frames", len(stories), frames)
	}
	asked, lost := 0, 0
	for _, s := range stories {
		if len(s.Data) != 15 {
			t.Errorf("frame %d: %d datagrams of data, want 15", s.ID, len(s.Data))
		}
		for _, d := range append(s.Data, s.Answers...) {
			switch {
			case d.Fate == trace.Arrived && d.Arrived-d.Sent != 2000:
				t.Errorf("frame %d: a datagram took %d µs", s.ID, d.Arrived-d.Sent)
			case d.Fate == trace.Lost:
				lost++
			case d.Fate != trace.Arrived:
				t.Errorf("frame %d: fate %s", s.ID, d.Fate)
			}
		}
		asked += len(s.Requests)
		text := s.Explain()
		if !strings.HasPrefix(text, "frame ") || s.Delivered != nil != strings.Contains(text, "; delivered at +") {
			t.Error(text)
		}
	}
	if lost < 150 || asked < frames {
		t.Errorf("%d datagrams lost, %d requests", lost, asked)
	}
}

// The explanation tells losses by a full queue from losses by chance.
func TestExplain(t *testing.T) {
	for want, path := range map[string]netsim.Path{
		"because a queue was full": {Rate: 2e6, Queue: 20_000},
		"15 data + 0 parity sent, of which 0 + 0 did not arrive; delivered": {Rate: 20e6},
		"asked 1 time, first at": {Loss: 0.1, Delay: time.Millisecond},
	} {
		cases, err := trace.Read(bytes.NewReader(record(t, path, 10)))
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, s := range cases[0].Stories() {
			all.WriteString(s.Explain() + "\n")
		}
		if !strings.Contains(all.String(), want) {
			t.Errorf("nothing of %q in\n%s", want, all.String())
		}
	}
}

// FuzzRead reads files that are no traces, or have been damaged.
func FuzzRead(f *testing.F) {
	f.Add([]byte("no trace"))
	f.Add([]byte{})
	r := trace.NewRecorder()
	r.Captured(1, time.Unix(1, 0), true)
	r.Delivered(1, time.Unix(2, 0))
	var good bytes.Buffer
	trace.Write(&good, []trace.Case{r.Case("x")})
	f.Add(good.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		var cases []trace.Case
		var err error
		bound := fuzzcost.Bound{Bytes: 64 << 20, Time: 10 * time.Millisecond}.Plus(len(file), 0, time.Millisecond)
		fuzzcost.Check(t, bound, func() { cases, err = trace.Read(bytes.NewReader(file)) })
		if err != nil {
			if !errors.Is(err, trace.ErrNoTrace) {
				t.Fatal(err)
			}
			return
		}
		for _, c := range cases {
			for _, s := range c.Stories() {
				s.Explain()
			}
		}
	})
}
