package main

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"udpcam/protocol"
	"udpcam/sender/source"
)

// Costs are how long frames take on their way through this program. It is safe for concurrent use.
type costs struct {
	mu       sync.Mutex
	delay    spell // from capture to the network
	encoding spell
}

// A spell is a time that is measured again and again.
type spell struct {
	n        int
	sum, max time.Duration
}

func (s *spell) add(d time.Duration) { s.n, s.sum, s.max = s.n+1, s.sum+d, max(s.max, d) }

// mean is in milliseconds, 0 if nothing was measured.
func (s *spell) mean() float64 {
	if s.n == 0 {
		return 0
	}
	return round(s.sum.Seconds()*1000/float64(s.n), 3)
}

// A cost is what the frames of the last second have cost, in milliseconds.
type cost struct {
	Delay    float64 `json:"delay_ms"` // from the camera driver's time, or when the picture came, until the kernel has it all
	DelayMax float64 `json:"delay_max_ms"`
	Encoding float64 `json:"encode_ms"` // the part of it that encoding took, 0 for JPEGs that are passed on
}

func (c cost) String() string {
	text := fmt.Sprintf("%.1f ms to send", c.Delay)
	if c.Encoding > 0 {
		text += fmt.Sprintf(", %.1f encoding", c.Encoding)
	}
	return text
}

// of has a source tell what encoding takes.
func (c *costs) of(o *source.Options) {
	o.Encoded = func(took time.Duration) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.encoding.add(took)
	}
}

// timed is a source whose frames are timed until its caller has done with them.
func (c *costs) timed(s source.Source) source.Source { return timedSource{s, c} }

type timedSource struct {
	source.Source
	costs *costs
}

func (s timedSource) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return func(yield func(protocol.Frame, error) bool) {
		s.Source.Frames(ctx)(func(f protocol.Frame, err error) bool {
			more := yield(f, err)
			if err == nil {
				s.costs.mu.Lock()
				s.costs.delay.add(time.Since(f.Captured))
				s.costs.mu.Unlock()
			}
			return more
		})
	}
}

// read returns what has been measured since it was called last.
func (c *costs) read() cost {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := cost{c.delay.mean(), round(c.delay.max.Seconds()*1000, 3), c.encoding.mean()}
	c.delay, c.encoding = spell{}, spell{}
	return now
}
