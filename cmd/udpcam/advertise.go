package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"udpcam/protocol/discovery"
)

// An advertising tells the network of the streams of this process.
type advertising struct {
	end  context.CancelFunc
	done sync.WaitGroup

	mu       sync.Mutex // guards what follows
	services []discovery.Service
	here     *discovery.Announcer // nil until the network can be told
}

// advertiseAgain is how long after a failure the network is tried again.
const advertiseAgain = 5 * time.Second

// advertise tells the network of streams, until ctx ends or close. If it cannot, it logs that once and tries again and
// again: whoever types the address can subscribe all the same.
func advertise(ctx context.Context, log *slog.Logger, only string, services ...discovery.Service) *advertising {
	a := &advertising{services: services}
	ctx, a.end = context.WithCancel(ctx)
	a.done.Go(func() {
		for failed := false; ; failed = true {
			err := a.begin(ctx, discovery.Config{Interface: only, Log: log})
			if err == nil || ctx.Err() != nil {
				return
			}
			if !failed {
				log.Warn("cameras here cannot be found, only their address can be typed", "err", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(advertiseAgain):
			}
		}
	})
	return a
}

func (a *advertising) begin(ctx context.Context, c discovery.Config) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	here, err := discovery.Announce(ctx, c, a.services...)
	if err == nil {
		a.here = here
	}
	return err
}

// set replaces the list of streams. It is cheap if nothing has changed.
func (a *advertising) set(services ...discovery.Service) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if slices.Equal(services, a.services) {
		return
	}
	a.services = services
	if a.here != nil {
		a.here.Set(services...)
	}
}

// close says goodbye.
func (a *advertising) close() {
	a.end()
	a.done.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.here != nil {
		a.here.Close()
	}
}
