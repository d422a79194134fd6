package datagram

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// late returns how late n sleeps return, in order of lateness.
func late(d time.Duration, n int) (by []time.Duration) {
	for range n {
		began := time.Now()
		SystemClock.Sleep(d)
		by = append(by, time.Since(began)-d)
	}
	slices.Sort(by)
	return by
}

// TestSleepIsNeverShort sleeps in many goroutines at once, more than there are idle timers.
func TestSleepIsNeverShort(t *testing.T) {
	var sleepers sync.WaitGroup
	for range 4 * cap(idle) {
		sleepers.Go(func() {
			for _, d := range []time.Duration{-1, 0, 1, shortSleep, shortSleep + 1, 100 * time.Microsecond, 3 * time.Millisecond} {
				if by := late(d, 10); by[0] < 0 {
					t.Errorf("a sleep of %v was %v too short", d, -by[0])
				}
			}
		})
	}
	sleepers.Wait()
	if n := len(idle); n == 0 {
		t.Error("no timer is kept")
	}
}

// TestSleepIsPrecise checks that most sleeps are more precise than time.Sleep. No sleep is precise while other programs use
// the processor, so the test tries for a while.
func TestSleepIsPrecise(t *testing.T) {
	const d, tolerable = 100 * time.Microsecond, 700 * time.Microsecond
	var median time.Duration
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if median = late(d, 51)[25]; median < tolerable {
			return
		}
	}
	t.Errorf("sleeps of %v are mostly %v late", d, median)
}

// TestSleepWithoutTimer has a timer fail.
func TestSleepWithoutTimer(t *testing.T) {
	for range cap(idle) + 1 { // sleepByTimer takes this one first
		select {
		case old := <-idle:
			old.close()
		default:
		}
	}
	broken, err := newTimer()
	if err != nil {
		t.Fatal(err)
	}
	broken.close()
	idle <- broken
	if by := late(time.Millisecond, 1); by[0] < 0 {
		t.Errorf("it was %v too short", -by[0])
	}
	if n := len(idle); n != 0 {
		t.Errorf("%d timers are idle, of which one is broken", n)
	}
}

// TestSleepInSimulatedTime sleeps for an hour of a test's time.
func TestSleepInSimulatedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, d := range []time.Duration{1, shortSleep, time.Hour} {
			began := time.Now()
			SystemClock.Sleep(d)
			if took := time.Since(began); took != d {
				t.Errorf("a sleep of %v took %v", d, took)
			}
		}
	})
}
