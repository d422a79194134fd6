//go:build !linux

package fuzzcost

import "time"

var start = time.Now()

// ThreadTime is the time on a clock, since the processor time of a thread is not known on all systems.
func ThreadTime() time.Duration { return time.Since(start) }
