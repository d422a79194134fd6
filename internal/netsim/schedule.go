package netsim

import (
	"slices"
	"time"
)

// A Schedule holds values, each until its time. Values of the same time leave in the order in which they came. The zero
// value is empty and ready. Only one goroutine may use it at a time.
type Schedule[T any] struct{ entries []entry[T] } // ascending: most values come last, so that inserting moves few

type entry[T any] struct {
	at    time.Time
	value T
}

// Put adds a value.
func (s *Schedule[T]) Put(at time.Time, value T) {
	i, _ := slices.BinarySearchFunc(s.entries, at, func(e entry[T], at time.Time) int {
		if e.at.After(at) {
			return 1
		}
		return -1
	})
	s.entries = slices.Insert(s.entries, i, entry[T]{at, value})
}

// Len returns how many values there are.
func (s *Schedule[T]) Len() int { return len(s.entries) }

// Next returns when the first value is due. It reports false if there is none.
func (s *Schedule[T]) Next() (at time.Time, ok bool) {
	if len(s.entries) == 0 {
		return at, false
	}
	return s.entries[0].at, true
}

// Due takes out the first value if it is due at that time. It reports false if none is.
func (s *Schedule[T]) Due(now time.Time) (value T, ok bool) {
	if at, ok := s.Next(); !ok || at.After(now) {
		return value, false
	}
	first := s.entries[0]
	s.entries[0] = entry[T]{} // lets go of the value
	s.entries = s.entries[1:]
	return first.value, true
}
