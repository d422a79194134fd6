package datagram

import (
	"time"

	"udpcam/protocol"
)

// SystemClock is the machine's clock.
var SystemClock protocol.Clock = systemClock{}

type systemClock struct{}

func (systemClock) Now() time.Time        { return time.Now() }
func (systemClock) Sleep(d time.Duration) { sleep(d) }
