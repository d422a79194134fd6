package main

import (
	"time"

	"udpcam/protocol"
)

// patience is how long a stream may be silent before another takes its place in a file or pipe.
const patience = 3 * time.Second

// A selector chooses the one stream that a file or pipe gets: the one that is wanted by name or, without a name, the
// first that is live and, when that has been silent for 3 s, the next that is.
type selector struct {
	want    string // the stream's name, "" for whichever is live
	current string
	last    time.Time // when a frame of current came, zero if none has
}

// takes reports whether a frame that comes now is of the chosen stream.
func (s *selector) takes(f protocol.Frame, now time.Time) bool {
	if s.want != "" {
		return f.Stream == s.want
	}
	if f.Stream != s.current && !s.last.IsZero() && now.Sub(s.last) < patience {
		return false
	}
	s.current, s.last = f.Stream, now
	return true
}
