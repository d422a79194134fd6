package fuzzcost

import (
	"time"

	"golang.org/x/sys/unix"
)

// ThreadTime is the processor time that this thread has used. The caller keeps to its thread: see [runtime.LockOSThread].
func ThreadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err) // Linux has had this clock since 2.6.12
	}
	return time.Duration(t.Nano())
}
