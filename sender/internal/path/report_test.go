package path

import (
	"testing"
	"time"

	"udpcam/protocol"
)

// TestContradictions reports each train twice for a second, on a path of 10 Mbit/s: first a forged report, then the true one.
// The path stays limited to about its rate meanwhile, and learns again some seconds later.
func TestContradictions(t *testing.T) {
	for name, lie := range map[string]func(true protocol.Train) protocol.Train{
		"nothing came": func(t protocol.Train) protocol.Train { return protocol.Train{FrameID: t.FrameID} },
		"at once": func(t protocol.Train) protocol.Train {
			return protocol.Train{FrameID: t.FrameID, First: t.First, Came: 57}
		},
		"early": func(t protocol.Train) protocol.Train { t.First = t.First.Add(-time.Hour); return t },
		"late":  func(t protocol.Train) protocol.Train { t.First = t.First.Add(time.Hour); return t },
	} {
		w := newWorld()
		w.rate = 10e6 / 8
		w.run(90, 57)
		rate := w.path.Rate()
		told := 0
		for range 30 {
			for _, r := range w.later {
				forged := lie(r.report.Trains[0])
				if w.path.Report(protocol.Report{Trains: []protocol.Train{forged}}, w.now) {
					told++
				}
				if w.path.Report(r.report, w.now) {
					told++
				}
			}
			w.later = nil
			w.offer(57)
		}
		if got := w.path.Rate(); told != 1 || got < rate*0.9 || got > rate*1.1 {
			t.Errorf("%s: told %d times, a rate of %.0f, and %.0f before", name, told, got, rate)
		}
		w.rate = 1e9
		w.run(240, 57) // eight seconds
		if w.path.state != free {
			t.Errorf("%s: the path is wide, and still %s", name, w.path.state)
		}
	}
}

// TestImpossibleTrains reports what no receiver can have seen.
func TestImpossibleTrains(t *testing.T) {
	w := newWorld()
	w.run(30, 57)
	w.later = nil
	for name, train := range map[string]protocol.Train{
		"more than was sent": {Came: 58},
		"less than was sent": {Came: 50},
		"none, but lost":     {LostFirst: 10, Runs: 1},
		"more runs":          {Came: 56, LostFirst: 1, Runs: 2},
		"no runs":            {Came: 56, LostFirst: 1},
		"for an hour":        {Came: 57, Took: time.Hour, Span: time.Hour},
	} {
		train.FrameID = w.id
		w.offer(57)
		w.later = nil
		before := w.path.model
		if w.path.Report(protocol.Report{Trains: []protocol.Train{train}}, w.now); w.path.model != before {
			t.Errorf("%s: the path has learned from it", name)
		}
	}
}
