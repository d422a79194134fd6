package protocol

import (
	"testing"
	"time"
)

// TestOrderingWaitsForAnOlderFrame has a newer frame whole first. It waits for the older one, but not for ever.
func TestOrderingWaitsForAnOlderFrame(t *testing.T) {
	var tally Stats
	o := ordering{config: &AssemblerConfig{Deadline: time.Second, OneWay: true}, memory: &frameMemory{}, tally: &tally}
	for id := range uint32(2) {
		p := o.memory.newFrame(id+1, epoch.Add(time.Second))
		if !o.insert(p, epoch) {
			t.Fatal("no room")
		}
		p.state, p.layout = collecting, layoutOf(100, 1, 1)
	}
	o.pending[1].state, o.pending[1].wholeAt = whole, epoch
	const latency = 10 * time.Millisecond
	if p, until := o.next(latency, epoch); p != nil || !until.Equal(epoch.Add(latency)) {
		t.Fatalf("handed on %v, waits until %v", p, until)
	}
	if p, _ := o.next(latency, epoch.Add(latency)); p == nil || p.id != 2 {
		t.Fatalf("handed on %v", p)
	}
	if tally.Dropped[FrameSuperseded] != 1 || tally.Dropped.Total() != 1 {
		t.Errorf("dropped %v", tally.Dropped.Map())
	}
}

// TestAskingCostsAShare checks that feedback has at most its share of the bytes that were received.
func TestAskingCostsAShare(t *testing.T) {
	var tally Stats
	a := asking{config: &AssemblerConfig{}, tally: &tally, joined: epoch, reported: epoch}
	p := &pendingFrame{id: 1}
	p.arrivals.over = epoch
	if a.ask(p, epoch); len(a.out) != 0 || tally.Requests != 0 {
		t.Errorf("%d requests although nothing was received", len(a.out))
	}
	a.heard(10_000)
	if a.ask(p, epoch.Add(time.Second)); len(a.out) != 1 || tally.Requests != 1 || tally.Feedback != 1 {
		t.Errorf("%d requests, counted as %d", len(a.out), tally.Requests)
	}
}
