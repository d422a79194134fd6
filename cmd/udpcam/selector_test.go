package main

import (
	"testing"
	"time"

	"udpcam/protocol"
)

func TestSelector(t *testing.T) {
	type arrival struct {
		at     time.Duration // since the start
		stream string
		want   bool
	}
	const s = time.Second
	tests := map[string]struct {
		want     string
		arrivals []arrival
	}{
		"the only one": {"", []arrival{{0, "a", true}, {s, "a", true}, {60 * s, "a", true}}},
		"the first": {"", []arrival{
			{0, "a", true}, {0, "b", false}, {s, "b", false}, {s, "a", true}, {3 * s, "b", false},
		}},
		"the next": {"", []arrival{
			{0, "a", true}, {2 * s, "b", false}, {3*s - 1, "b", false}, {3 * s, "b", true}, {3 * s, "c", false},
			{4 * s, "a", false},
		}},
		"and back": {"", []arrival{
			{0, "a", true}, {3 * s, "b", true}, {5 * s, "a", false}, {6 * s, "a", true}, {6 * s, "b", false},
		}},
		"without a name": {"", []arrival{{0, "", true}, {s, "a", false}, {s, "", true}}},
		"by name": {"b", []arrival{
			{0, "a", false}, {s, "b", true}, {s, "a", false}, {60 * s, "a", false}, {60 * s, "b", true},
		}},
		"by another name": {"x", []arrival{{0, "a", false}, {9 * s, "b", false}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			selector, start := selector{want: test.want}, time.Now()
			for i, a := range test.arrivals {
				if got := selector.takes(protocol.Frame{Stream: a.stream}, start.Add(a.at)); got != a.want {
					t.Errorf("arrival %d, of %q after %v: takes it is %v", i, a.stream, a.at, got)
				}
			}
		})
	}
}
