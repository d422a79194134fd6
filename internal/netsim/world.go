package netsim

import (
	"runtime"
	"time"

	"udpcam/protocol"
)

var _ protocol.Clock = (*World)(nil)

// epoch is the time at which every world begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A World simulates time for programs. Sender and receiver run in it unchanged, as fast as the machine computes. The same
// seed gives the same result in every run, to the nanosecond.
//
//	Sender, Receiver, the caller's tasks ── World.Sleep, End.Receive ──> World: one schedule of events
//	                   End.Send ──> Crossing (loss, bottleneck, delay) ──^
//
// A Network does the same in tests, in a testing/synctest bubble, where goroutines run at the same time. In a World only
// one task runs at a time. It has the turn until it sleeps or receives. Then the first task in the schedule gets the turn.
// Computing takes no simulated time.
//
// Tasks are the goroutines that Go started and those that receive from an End. A World implements [protocol.Clock]. Only
// tasks may use Now, Sleep and the ends. Before Run, the maker of the world may use them too.
type World struct {
	now     time.Time
	events  Schedule[func()]
	busy    int // running tasks that Go started
	readers int // ends that a task will receive from

	parked chan struct{} // signals that a task has given back the turn
	ended  chan struct{} // signals that a task that Go started has ended
	over   chan struct{} // closed when the world has ended
}

// NewWorld returns a world in which nothing happens yet.
func NewWorld() *World {
	return &World{now: epoch, parked: make(chan struct{}), ended: make(chan struct{}), over: make(chan struct{})}
}

// Now implements [protocol.Clock].
func (w *World) Now() time.Time { return w.now }

// Sleep implements [protocol.Clock]. If the world has ended, time stands still, so Sleep ends the goroutine.
func (w *World) Sleep(d time.Duration) {
	if w.isOver() {
		runtime.Goexit()
	}
	turn := make(chan struct{})
	w.at(w.now.Add(max(0, d)), func() { w.give(turn) })
	if !w.park(turn) {
		runtime.Goexit()
	}
}

// Go adds a task that starts when Run is called. The world ends when all of these tasks have ended.
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

// Run lets time pass until all tasks that Go started have ended or stop returns true. It calls stop now and then.
// Afterwards the ends are closed and time stands still.
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

// give gives a waiting task the turn and waits until the task gives it back.
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

// at schedules a call of happen.
func (w *World) at(at time.Time, happen func()) { w.events.Put(at, happen) }

// isOver reports whether the world has ended.
func (w *World) isOver() bool {
	select {
	case <-w.over:
		return true
	default:
		return false
	}
}
