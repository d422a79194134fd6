package netsim

import (
	"runtime"
	"time"
	"udpcam/protocol"
)

var _ protocol.Clock = (*World)(nil)

// epoch is when every world begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A World is simulated time for programs: sender and receiver run in it as they are, as fast as the machine computes, and
// with the same seed the same happens in every run, to the nanosecond.
//
//	Sender, Receiver, the caller's tasks ── World.Sleep, End.Receive ──> World: one schedule of events
//	                   End.Send ──> Crossing (loss, bottleneck, delay) ──^
//
// A Network does the same in tests, in a testing/synctest bubble, where goroutines run at the same time. In a World at
// most one goroutine runs at a time: it has the turn until it sleeps or receives, and then whoever is first in the
// schedule has it. What they compute takes no time.
//
// Tasks are the goroutines that Go started and those that receive from an End. A World implements [protocol.Clock]. Now,
// Sleep and its ends are for its tasks, and before Run for whoever made it.
type World struct {
	now     time.Time
	events  Schedule[func()]
	busy    int // tasks of Go that have not ended
	readers int // conns that somebody will receive from

	parked chan struct{} // a task has given back the turn
	ended  chan struct{} // a task of Go has, for good
	over   chan struct{} // closed when the world has ended
}

// NewWorld returns a world in which nothing happens yet.
func NewWorld() *World {
	return &World{now: epoch, parked: make(chan struct{}), ended: make(chan struct{}), over: make(chan struct{})}
}

// Now implements [protocol.Clock].
func (w *World) Now() time.Time { return w.now }

// Sleep implements [protocol.Clock]. When the world has ended it ends the goroutine, since its time will never come.
func (w *World) Sleep(d time.Duration) {
	select {
	case <-w.over:
		runtime.Goexit()
	default:
	}
	turn := make(chan struct{})
	w.at(w.now.Add(max(0, d)), func() { w.give(turn) })
	if !w.park(turn) {
		runtime.Goexit()
	}
}

// Go starts a task when Run is called. The world ends when all tasks of Go have.
func (w *World) Go(task func()) {
	w.busy++
	w.at(w.now, func() {
		go func() {
			task()
			select {
			case w.ended <- struct{}{}:
			case <-w.over:
			}
		}()
		w.wait()
	})
}

// Run lets time pass until all tasks of Go have ended, or stop, which is asked now and then, returns true. After that
// its conns are closed, and no time passes any more.
func (w *World) Run(stop func() bool) {
	for range w.readers {
		<-w.parked
	}
	for n := 0; w.busy > 0; n++ {
		at, ok := w.events.Next()
		if !ok || n%1024 == 0 && stop() {
			break
		}
		w.now = at
		happen, _ := w.events.Due(at)
		happen()
	}
	close(w.over)
}

// give has the task that waits for a turn run until it gives it back.
func (w *World) give(turn chan struct{}) {
	turn <- struct{}{}
	w.wait()
}

// wait waits until the turn is given back.
func (w *World) wait() {
	select {
	case <-w.parked:
	case <-w.ended:
		w.busy--
	}
}

// park gives back the turn and waits for the next. It reports false if the world has ended.
func (w *World) park(turn chan struct{}) bool {
	select {
	case w.parked <- struct{}{}:
	case <-w.over:
		return false
	}
	select {
	case <-turn:
		return true
	case <-w.over:
		return false
	}
}

// at has something happen at a time.
func (w *World) at(at time.Time, happen func()) { w.events.Put(at, happen) }
