package main

import (
	"context"
	"sync"
)

// A group is the parts of a command that run at the same time. When one fails, or end is called, all end.
type group struct {
	ctx     context.Context
	end     context.CancelFunc
	running sync.WaitGroup
	first   sync.Once
	err     error // the first part's that failed
}

func newGroup(ctx context.Context) *group {
	g := &group{}
	g.ctx, g.end = context.WithCancel(ctx)
	return g
}

// run runs a part in a goroutine of its own. It ends when its context is done.
func (g *group) run(part func(context.Context) error) {
	g.running.Go(func() {
		if err := part(g.ctx); err != nil {
			g.fail(err)
		}
	})
}

// fail ends all parts because of an error.
func (g *group) fail(err error) {
	g.first.Do(func() { g.err = err })
	g.end()
}

// wait waits until all parts have ended, and returns the error of the first that failed.
func (g *group) wait() error {
	g.running.Wait()
	g.end()
	g.first.Do(func() {}) // failures from here on are ignored
	return g.err
}
