package main

import (
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"udpcam/protocol"
)

// patience is how long the chosen stream may be silent before a steady one takes its place.
const patience = 3 * time.Second

const (
	// A stream goes on when it has sent this many frames in at least this time. Before, recordings do not get its frames:
	// streams that are invented for a single picture leave no files.
	goesOnFrames = 3
	goesOnAfter  = 250 * time.Millisecond
	// steadyScore is the score of a stream of three frames a second. scoreTime is how fast a score forgets.
	steadyScore = 6
	scoreTime   = 2 * time.Second
	// maxCandidates bounds the streams that are remembered, and maxHeld the bytes of their frames that are held back. They
	// stop invented streams from filling the memory.
	maxCandidates = 256
	maxHeld       = 16 << 20
)

// A candidate is a stream that has sent frames.
type candidate struct {
	name        string
	first, last time.Time // when frames came
	frames      int
	score       float64          // how many frames came of late: twice the frames a second, if they are steady
	held        []protocol.Frame // until it goes on
}

func (c *candidate) goesOn() bool {
	return c.frames >= goesOnFrames && c.last.Sub(c.first) >= goesOnAfter
}

func (c *candidate) scoreAt(now time.Time) float64 {
	return c.score * math.Exp(-now.Sub(c.last).Seconds()/scoreTime.Seconds())
}

// A choice decides, once for all outputs, which streams get recorded, and which one is shown where there is room for one
// only: in one file, pipe or terminal. That is the stream of the wanted name. Without a name it is one that sends steadily,
// not the first to appear: a picture now and then does not keep a camera out.
type choice struct {
	want string // the wanted stream's name, "" for any

	mu         sync.Mutex
	candidates map[string]*candidate
	current    *candidate // the chosen one, nil before the first frame
	heldBytes  int

	said    string // the chosen stream that the log knows
	several bool   // whether the log has said that there are several
	missing time.Time
}

// A verdict says which outputs get a frame.
type verdict struct {
	chosen  bool             // outputs of one stream
	goesOn  bool             // recordings
	earlier []protocol.Frame // frames of the same stream that recordings get first
}

// judge returns which outputs get a frame that comes now.
func (c *choice) judge(f protocol.Frame, now time.Time) (v verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.candidates[f.Stream]
	if s == nil {
		s = c.add(f.Stream, now)
	}
	s.score = s.scoreAt(now) + 1
	s.last = now
	s.frames++
	if s.goesOn() {
		v.goesOn, v.earlier = true, c.release(s)
	} else {
		c.hold(s, f)
	}
	if c.want != "" {
		v.chosen = f.Stream == c.want
		if v.chosen {
			c.current = s
		}
		return v
	}
	if c.current == nil || c.current != s && c.yields(s, now) {
		c.current = s
	}
	v.chosen = c.current == s
	return v
}

// yields reports whether the chosen stream gives way to s, of which a frame has come.
func (c *choice) yields(s *candidate, now time.Time) bool {
	silent := now.Sub(c.current.last)
	switch {
	case silent >= 10*patience:
		return true
	case !s.goesOn():
		return silent >= patience && !c.current.goesOn()
	case silent >= patience:
		return s.score >= steadyScore || !c.current.goesOn()
	}
	score := c.current.scoreAt(now)
	return score < steadyScore && s.score > 2*score
}

// add makes a candidate. If there are too many, the one that has been silent for longest is forgotten.
func (c *choice) add(name string, now time.Time) *candidate {
	if len(c.candidates) == maxCandidates {
		oldest := c.longestSilent(func(s *candidate) bool { return s != c.current })
		c.release(oldest)
		delete(c.candidates, oldest.name)
	}
	s := &candidate{name: name, first: now, last: now}
	if c.candidates == nil {
		c.candidates = map[string]*candidate{}
	}
	c.candidates[name] = s
	return s
}

// longestSilent returns the candidate that has been silent for longest, of those that may be returned, or nil.
func (c *choice) longestSilent(may func(*candidate) bool) (longest *candidate) {
	for _, s := range c.candidates {
		if may(s) && (longest == nil || s.last.Before(longest.last)) {
			longest = s
		}
	}
	return longest
}

// hold holds a frame back until its stream goes on. If that is too much, frames of streams that have been silent for longest
// are forgotten.
func (c *choice) hold(s *candidate, f protocol.Frame) {
	c.heldBytes += len(f.JPEG)
	for c.heldBytes > maxHeld {
		oldest := c.longestSilent(func(s *candidate) bool { return len(s.held) > 0 })
		if oldest == nil {
			break
		}
		c.release(oldest)
	}
	s.held = append(s.held, f.Keep())
}

// release returns the frames that were held back, and holds none any more.
func (c *choice) release(s *candidate) (held []protocol.Frame) {
	held, s.held = s.held, nil
	for _, f := range held {
		c.heldBytes -= len(f.JPEG)
	}
	return held
}

// rest returns the frames of the chosen stream that are still held back. They are all that there is of a stream that has
// just begun when the command ends.
func (c *choice) rest() []protocol.Frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return nil
	}
	return c.release(c.current)
}

// report logs which stream is chosen, if there are several, and when that changes. names are all streams that are there.
func (c *choice) report(log *slog.Logger, names []string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.want != "" {
		c.reportMissing(log, names, now)
		return
	}
	if c.current == nil {
		return
	}
	var others []string
	for _, s := range c.candidates {
		if s != c.current && s.frames > 1 && now.Sub(s.last) < 2*patience {
			others = append(others, s.name)
		}
	}
	slices.Sort(others)
	switch changed := c.said != "" && c.said != c.current.name; {
	case len(others) > 0 && (changed || !c.several):
		log.Warn("several streams: one file, pipe or terminal takes one of them; --stream NAME chooses",
			"takes", c.current.name, "others", listed(others))
	case changed:
		log.Warn("another stream is taken now; --stream NAME keeps to one", "takes", c.current.name, "before", c.said)
	}
	c.said, c.several = c.current.name, len(others) > 0
}

// missingEvery is how often the log says that nobody sends the wanted stream.
const missingEvery = 10 * time.Second

func (c *choice) reportMissing(log *slog.Logger, names []string, now time.Time) {
	switch {
	case c.current != nil && now.Sub(c.current.last) < missingEvery:
		c.missing = now.Add(patience)
	case c.missing.IsZero():
		c.missing = now.Add(patience)
	case !now.Before(c.missing):
		c.missing = now.Add(missingEvery)
		log.Warn("nobody sends the stream of --stream", "stream", c.want, "there_are", listed(names))
	}
}

// listed joins names for the log, but not more than a line can show.
func listed(names []string) string {
	const most = 10
	if len(names) == 0 {
		return "none"
	}
	if n := len(names) - most; n > 0 {
		return strings.Join(names[:most], ", ") + ", and more"
	}
	return strings.Join(names, ", ")
}
