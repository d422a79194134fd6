package web

import "time"

// maxFlights is the most pictures that are on their way to one page, however distant it is or claims to be.
const maxFlights = 8

// flights are the pictures on their way to a page. They decide when another may leave.
//
// On a local network one picture is on its way at a time. The next leaves when the page has taken the last, and is the
// newest at that moment, so nothing waits anywhere. Over a distance that would be one picture a round trip. There, as many
// may be on their way as fit the shortest round trip so far. A queue makes the round trip longer, but not the shortest
// one, and so does not feed itself.
type flights struct {
	all []flight      // not taken yet, the oldest first
	rtt time.Duration // the shortest so far, 0 if not known
}

type flight struct {
	number uint32
	at     time.Time
}

// left notes that a picture has left.
func (f *flights) left(number uint32, now time.Time) {
	f.all = append(f.all, flight{number, now})
}

// oldest returns when the first of them has left, in nanoseconds since the Unix epoch, or 0 if there is none.
func (f *flights) oldest() int64 {
	if len(f.all) == 0 {
		return 0
	}
	return f.all[0].at.UnixNano()
}

// landed notes that the page has taken a picture and all before it. held is how long the page held the picture.
func (f *flights) landed(number uint32, held time.Duration, now time.Time) {
	for i, fl := range f.all {
		if fl.number != number {
			continue
		}
		if rtt := max(1, now.Sub(fl.at)-held); f.rtt == 0 || rtt < f.rtt {
			f.rtt = rtt
		}
		f.all = append(f.all[:0], f.all[i+1:]...)
		return
	}
}

// room reports whether another picture may leave. interval is the time between pictures, 0 if not known.
func (f *flights) room(interval time.Duration) bool {
	limit := 1
	if interval > 0 {
		limit = min(1+int((f.rtt+interval/2)/interval), maxFlights)
	}
	return len(f.all) < limit
}
