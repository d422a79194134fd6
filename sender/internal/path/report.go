package path

import (
	"time"

	"udpcam/protocol"
)

// Who can read the datagrams can also forge reports about them. But nobody can take back the receiver's own reports, and a
// receiver reports each train once. So if two reports of one train differ, one of them is forged, and nobody knows which.
// Then the model becomes what it was some time before, and stays so while reports contradict each other. A forger gains as
// little by reporting a bad path as by reporting a good one. He can only keep the sender from learning what has changed.

// A model is what the reports have shown of a path.
type model struct {
	link    link
	loss    losses
	missing window // all that did not come
	state   state
	probes  int // trains in a row that arrived as fast as they left
}

// A history keeps what the model was. The zero value is not ready: see newHistory.
type history struct {
	older, newer model     // older is what the model was at least recall ago
	at           time.Time // when newer was kept
}

func newHistory(m model) history { return history{older: m, newer: m} }

// keep keeps a model, if enough time has passed since the last one.
func (h *history) keep(m model, now time.Time) {
	if now.Sub(h.at) >= recall {
		h.older, h.newer, h.at = h.newer, m, now
	}
}

// Report learns from a receiver's report. Trains that no receiver can have seen are ignored. Contradicted says that reports
// begin to contradict each other.
func (p *Path) Report(r protocol.Report, now time.Time) (contradicted bool) {
	doubted := p.doubts(now)
	var heard []*sent
	for _, t := range r.Trains {
		switch f := p.log.find(t.FrameID); {
		case f == nil || !f.possible(t, now):
		case !f.reported:
			f.reported, f.train = true, t
			heard = append(heard, f)
		case f.train != t:
			p.doubted = now
		}
	}
	if p.doubts(now) {
		p.model = p.history.older
		p.history = newHistory(p.model)
		return !doubted
	}
	p.history.keep(p.model, now)
	p.loss.recover(r.Late)
	for _, f := range heard {
		p.learn(f, f.train, now)
	}
	return false
}

// doubts reports whether reports have contradicted each other lately.
func (p *Path) doubts(now time.Time) bool {
	return !p.doubted.IsZero() && now.Sub(p.doubted) < doubtLasts
}
