// Package fuzzcost holds fuzz targets to bounds on memory and time. It is for tests alone.
//
//	f.Fuzz(func(t *testing.T, b []byte) {
//		bound := fuzzcost.Bound{Bytes: 4096, Time: time.Millisecond}.Plus(len(b), 16, time.Microsecond)
//		fuzzcost.Check(t, bound, func() { parse(b) })
//	})
package fuzzcost

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

// A Bound is what the handling of one input may cost.
type Bound struct {
	Bytes int           // allocated in all, also what is free again at the end
	Time  time.Duration // of processor time; of time on a clock, if the system does not tell a thread's
}

// Plus adds to a bound what each of n may cost: bytes of an input, or datagrams.
func (b Bound) Plus(n, bytes int, each time.Duration) Bound {
	return Bound{b.Bytes + n*bytes, b.Time + time.Duration(n)*each}
}

const (
	// coarse is by how much the runtime's count of allocated bytes may be wrong: it counts small objects by the page.
	coarse = 256 << 10
	// slow is by how much instrumented code may be slower than plain code: that of the race detector or the fuzzing engine.
	slow = 20
	// tries is how often something must be too dear in a row. Other processes can make a try slow, and other goroutines of
	// the test allocate memory.
	tries = 5
)

// Check calls f. The test fails if f costs more than the bound. Then f is called some times more, and all calls must cost
// too much. So f must do the same each time. The bound on time is that of plain code on a fast machine: Check allows twenty
// times as much. What f does in other goroutines counts as memory, and not as time.
func Check(t testing.TB, b Bound, f func()) {
	t.Helper()
	if fault := exceeded(b, f); fault != "" {
		t.Error(fault)
	}
}

// exceeded returns by how much f exceeds the bound in each of its tries, or "".
func exceeded(b Bound, f func()) (fault string) {
	for range tries {
		bytes, took := cost(f)
		switch {
		case bytes > b.Bytes+coarse:
			fault = fmt.Sprintf("it allocates %d bytes, and may allocate %d", bytes, b.Bytes)
		case took > b.Time*slow:
			fault = fmt.Sprintf("it takes %v of processor time, and may take %v, or %v on a slow machine", took, b.Time, b.Time*slow)
		default:
			return ""
		}
	}
	return fault
}

// cost calls f, and tells how many bytes are allocated meanwhile and how long it takes.
func cost(f func()) (bytes int, took time.Duration) {
	runtime.LockOSThread() // whose time is measured
	defer runtime.UnlockOSThread()
	allocated := [1]metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(allocated[:])
	before, began := allocated[0].Value.Uint64(), ThreadTime()
	f()
	took = ThreadTime() - began
	metrics.Read(allocated[:])
	return int(allocated[0].Value.Uint64() - before), took
}
