package protocol

import "time"

// Echo returns when the announcement was sent that a report's clock echo answers: the moment that was given to
// [Splitter.Announce], in whole microseconds. It is false if the report echoes nothing. now is about when the report came.
func (f Feedback) Echo(now time.Time) (sent time.Time, ok bool) {
	return timeNear(f.clock.Echo, now), f.clock.Held > 0
}
