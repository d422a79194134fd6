package source

import (
	"context"
	"log/slog"
	"time"
)

// changes logs each change in what a camera does, at most one line a second. A change within a second of the last line is
// logged when note is called again.
type changes struct {
	log    *slog.Logger
	name   string
	logged string // what was last logged of it
	at     time.Time
}

// note logs what the camera does, if that is a change. It may be called for every picture.
func (c *changes) note(level slog.Level, what string, why error) {
	state, attrs := what, []slog.Attr{slog.String("camera", c.name)}
	if why != nil {
		state += why.Error()
		attrs = append(attrs, slog.Any("why", why))
	}
	if state != c.logged && time.Since(c.at) >= time.Second {
		c.logged, c.at = state, time.Now()
		c.log.LogAttrs(context.Background(), level, what, attrs...)
	}
}
