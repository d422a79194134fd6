package datagram

import "time"

// A Clock tells the time and lets it pass. Sender and receiver ask it instead of package time, so that the network they
// run on may be simulated together with its time.
type Clock interface {
	Now() time.Time
	// Sleep returns no earlier than d from now.
	Sleep(d time.Duration)
}

// SystemClock is the machine's clock.
var SystemClock Clock = systemClock{}

type systemClock struct{}

func (systemClock) Now() time.Time        { return time.Now() }
func (systemClock) Sleep(d time.Duration) { sleep(d) }
