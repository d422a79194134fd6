package netsim_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"udpcam/internal/netsim"
)

// Values come out in the order of a stable sort by time, and none before its time.
func TestSchedule(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var s netsim.Schedule[int]
	if _, ok := s.Next(); ok {
		t.Error("an empty one has a next")
	}
	if _, ok := s.Due(start); ok {
		t.Error("of an empty one something is due")
	}
	const n = 1000
	random := rand.New(rand.NewPCG(1, 1))
	times := make([]int, n) // the time of each value, in ms; many are the same
	var want []int
	for i := range n {
		times[i] = random.IntN(100)
		s.Put(start.Add(time.Duration(times[i])*time.Millisecond), i)
		want = append(want, i)
	}
	slices.SortStableFunc(want, func(a, b int) int { return cmp.Compare(times[a], times[b]) })
	var got []int
	for ms := range 100 {
		now := start.Add(time.Duration(ms) * time.Millisecond)
		for v, ok := s.Due(now); ok; v, ok = s.Due(now) {
			got = append(got, v)
			if times[v] != ms {
				t.Fatalf("what was due at %d ms came at %d", times[v], ms)
			}
		}
		if at, ok := s.Next(); ok && !at.After(now) || s.Len() != n-len(got) {
			t.Fatalf("after %d ms %d are left, the next due at %v", ms, s.Len(), at.Sub(start))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("in another order: %v", got)
	}
}
