//go:build !linux

package fuzzcost

import "time"

var start = time.Now()

// threadTime is the time on a clock. No other is known on all systems.
func threadTime() time.Duration { return time.Since(start) }
