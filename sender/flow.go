package sender

import "time"

// flowChanges is how many changes a flow remembers: those of more than a steadyFlow.
const flowChanges = 16

// A flow measures how many bytes a second come at a receiver. The zero value has seen nothing.
type flow struct {
	changes [flowChanges]change
	count   int
}

func (f *flow) add(c change) {
	f.changes[f.count%flowChanges] = c
	f.count++
}

// rate is how many bytes came a second, over the last recentFlow or the last steadyFlow, whichever is more.
func (f *flow) rate() (rate float64) {
	var bytes float64
	var took time.Duration
	for i := f.count - 1; i >= max(0, f.count-flowChanges) && took < steadyFlow; i-- {
		c := f.changes[i%flowChanges]
		before := took
		bytes, took = bytes+float64(c.bytes), took+c.took
		if before < recentFlow && took >= recentFlow || took >= steadyFlow {
			rate = max(rate, bytes/took.Seconds())
		}
	}
	if took < recentFlow && took > 0 {
		rate = bytes / took.Seconds()
	}
	return rate
}
