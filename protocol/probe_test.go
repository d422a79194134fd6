package protocol

import (
	"testing"
	"time"
)

// TestProbe checks that probes are announcements as large as frames' datagrams, open and sealed, and that reports tell of
// them and echo them.
func TestProbe(t *testing.T) {
	for _, key := range []Key{{}, secret} {
		s, err := NewSplitter(7, 0, MinSegmentSize)
		if err != nil {
			t.Fatal(err)
		}
		config := AssemblerConfig{}
		if key != (Key{}) {
			s.Seal(key)
			config.Keys = []Key{key}
		}
		a := NewAssembler(config)
		var clock RemoteClock
		probe := s.Probe(Announcement{Name: "door"}, &clock, DefaultSegmentSize, epoch)[0][0]
		s.Resize(DefaultSegmentSize)
		if len(probe) != s.DatagramSize() {
			t.Errorf("a probe of %d bytes, want %d", len(probe), s.DatagramSize())
		}
		a.Add(probe, alice, epoch)
		a.Expire(epoch.Add(reportInterval))
		b, _, ok := a.NextFeedback()
		if !ok {
			t.Fatal("no report")
		}
		f, err := s.Feedback(b, epoch)
		if err != nil || f.Report.Largest != s.DatagramSize() {
			t.Errorf("reported as %+v, %v", f.Report, err)
		}
		if !clock.Answered(f, epoch.Add(time.Millisecond)) || clock.Answered(f, epoch.Add(6*time.Second)) {
			t.Error("the report does not echo the probe, or does so for too long")
		}
	}
}
