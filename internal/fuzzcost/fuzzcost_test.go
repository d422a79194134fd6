package fuzzcost

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

var sink []byte

func TestExceeded(t *testing.T) {
	bound := Bound{Bytes: 1 << 20, Time: time.Millisecond}
	calls := 0
	for name, test := range map[string]struct {
		f     func()
		want  string
		calls int
	}{
		"nothing":          {func() {}, "", 1},
		"some memory":      {func() { sink = make([]byte, 1<<19) }, "", 1},
		"much memory":      {func() { sink = make([]byte, 1<<22) }, "bytes", tries},
		"many small bytes": {func() { allocate(1 << 16) }, "bytes", tries},
		"some time":        {func() { compute(time.Millisecond) }, "", 1},
		"much time":        {func() { compute(40 * time.Millisecond) }, "processor time", tries},
		"waiting":          {func() { sleep(40 * time.Millisecond) }, "", 1},
		"much once": {func() {
			if calls == 1 {
				sink = make([]byte, 1<<22)
			}
		}, "", 2},
	} {
		calls = 0
		got := exceeded(bound, func() { calls++; test.f() })
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) || calls != test.calls {
			t.Errorf("%s: %q after %d calls, want %q after %d", name, got, calls, test.want, test.calls)
		}
	}
}

// allocate allocates n objects of 32 bytes.
func allocate(n int) {
	for range n {
		sink = make([]byte, 32)
	}
}

// compute uses that much processor time.
func compute(d time.Duration) {
	for end := ThreadTime() + d; ThreadTime() < end; {
	}
}

// sleep sleeps where a thread's time is known: where other processes that are busy do not count.
func sleep(d time.Duration) {
	if runtime.GOOS == "linux" {
		time.Sleep(d)
	}
}

func TestPlus(t *testing.T) {
	if got, want := (Bound{100, time.Second}).Plus(3, 10, time.Second), (Bound{130, 4 * time.Second}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func BenchmarkCheck(b *testing.B) {
	for b.Loop() {
		Check(b, Bound{Time: time.Second}, func() {})
	}
}
