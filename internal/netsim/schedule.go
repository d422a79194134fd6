package netsim

import (
	"container/heap"
	"time"
)

// A Schedule holds values, each until its time; those of the same time leave in the order in which they came. The zero
// value is empty and ready. It is for one goroutine at a time.
type Schedule[T any] struct {
	entries entries[T]
	number  uint64 // of the next that comes
}

// Put adds a value.
func (s *Schedule[T]) Put(at time.Time, value T) {
	heap.Push(&s.entries, entry[T]{at, s.number, value})
	s.number++
}

// Len is how many values there are.
func (s *Schedule[T]) Len() int { return len(s.entries) }

// Next is when the first is due. It reports false if there is none.
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
	return heap.Pop(&s.entries).(entry[T]).value, true
}

type entry[T any] struct {
	at     time.Time
	number uint64
	value  T
}

// entries implement heap.Interface.
type entries[T any] []entry[T]

func (e entries[T]) Len() int { return len(e) }
func (e entries[T]) Less(i, j int) bool {
	if !e[i].at.Equal(e[j].at) {
		return e[i].at.Before(e[j].at)
	}
	return e[i].number < e[j].number
}
func (e entries[T]) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *entries[T]) Push(x any)   { *e = append(*e, x.(entry[T])) }
func (e *entries[T]) Pop() any {
	old := *e
	last := old[len(old)-1]
	old[len(old)-1] = entry[T]{} // which may hold on to much
	*e = old[:len(old)-1]
	return last
}
