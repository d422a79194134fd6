package sender

import (
	"time"

	"udpcam/protocol"
)

// waitsKept is how many frames a waits remembers: those of a second or so.
const waitsKept = 64

// A waits remembers how long each of the last frames was foreseen to wait before the bottleneck. The zero value
// remembers nothing.
type waits struct {
	frames [waitsKept]wait
	count  int
}

type wait struct {
	id uint32
	d  time.Duration
}

// add takes in the next frame.
func (w *waits) add(id uint32, d time.Duration) {
	w.frames[w.count%waitsKept] = wait{id, d}
	w.count++
}

// shift corrects what was foreseen of all frames so far, so that an error counts once.
func (w *waits) shift(by time.Duration) {
	for i := range w.frames {
		w.frames[i].d = max(0, w.frames[i].d+by)
	}
}

// least is the shortest wait of the frames after one ID and up to another. It returns false if none is remembered.
func (w *waits) least(after, upTo uint32) (least time.Duration, ok bool) {
	for _, f := range w.frames[:min(w.count, waitsKept)] {
		if protocol.Newer(f.id, after) && !protocol.Newer(f.id, upTo) && (!ok || f.d < least) {
			least, ok = f.d, true
		}
	}
	return least, ok
}
