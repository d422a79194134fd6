package source

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// changes logs each change in what a camera does, at most one line a second. A change that comes sooner is logged when the
// second is over, if it still lasts.
type changes struct {
	log  *slog.Logger
	name string

	mu      sync.Mutex
	state   string // what it does
	logged  string // what was last logged of it
	at      time.Time
	waiting *time.Timer // until state may be logged; nil before the first
}

// say is told what the camera does, as often as it does it.
func (c *changes) say(level slog.Level, what string, why error) {
	attrs := []slog.Attr{slog.String("camera", c.name)}
	state := what
	if why != nil {
		state += why.Error()
		attrs = append(attrs, slog.Any("why", why))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if state == c.state {
		return
	}
	c.state = state
	line := func() {
		if c.state == state && c.logged != state {
			c.logged, c.at = state, time.Now()
			c.log.LogAttrs(context.Background(), level, what, attrs...)
		}
	}
	if c.waiting != nil {
		c.waiting.Stop()
	}
	rest := time.Until(c.at.Add(time.Second))
	if rest <= 0 {
		line()
		return
	}
	c.waiting = time.AfterFunc(rest, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		line()
	})
}

// stop ends the logging.
func (c *changes) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = ""
	if c.waiting != nil {
		c.waiting.Stop()
	}
}
