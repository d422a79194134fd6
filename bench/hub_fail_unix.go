//go:build unix

package bench

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"udpcam/bench/internal/relay"
)

// hub starts a hub on this machine, with a cluster of which route is another member.
func (r *rig) hub(name, listen, cluster, route string) (*relay.Process, error) {
	args := []string{"hub", "--name", name, "--listen", listen, "--leaf-listen", "127.0.0.1:0", "--cluster-listen", cluster}
	if route != "" {
		args = append(args, "--cluster", "nats://"+route)
	}
	return r.start(relay.Here, args...)
}

// failing kills one of three hubs, and stops another, while everybody is connected to these.
func (t *HubTest) failing(ctx context.Context, results *Results) error {
	for _, c := range []struct {
		scenario string
		signal   syscall.Signal
	}{{"kill -9 of the hub of all", syscall.SIGKILL}, {"kill -STOP of the hub of all", syscall.SIGSTOP}} {
		a, err := ports(10)
		if err != nil {
			return err
		}
		r := rig{udpcam: t.Udpcam}
		defer r.end()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		first, err0 := r.hub("h1", a[0], a[3], "")
		_, err1 := r.hub("h2", a[1], a[4], a[3])
		_, err2 := r.hub("h3", a[2], a[5], a[3])
		if err := errors.Join(err0, err1, err2); err != nil || !relay.Pause(ctx, time.Second) {
			return errors.Join(err, ctx.Err())
		}
		_, err0 = r.start(relay.Here, "recv", "--addr", a[6], "--hub", a[0])
		camera, err1 := r.start(relay.Here, "send", "--addr", a[6], "--source", "-")
		if err := errors.Join(err0, err1); err != nil {
			return err
		}
		feed := relay.NewFeed(t.Pictures, min(int(3*t.FPS), len(t.Pictures)/3), cool, t.FPS)
		var eyes []*relay.Eye
		var mu sync.Mutex
		times := make([][]time.Time, 3)
		for i := range 3 {
			edge, err := r.start(relay.Here, "serve", "--http", a[7+i], "--hub", a[0])
			if err != nil {
				return err
			}
			eye, err := look(ctx, feed, nil, a[7+i], func(at time.Time) {
				mu.Lock()
				defer mu.Unlock()
				times[i] = append(times[i], at)
			})
			if err != nil {
				return edge.Failure(err)
			}
			eyes = append(eyes, eye)
		}
		time.AfterFunc(
			time.Duration(float64(len(t.Pictures))/t.FPS/2*float64(time.Second)),
			func() { first.Signal(c.signal) },
		)
		_, _, err = feed.Into(ctx, camera)
		first.Signal(syscall.SIGCONT)
		if err != nil {
			return err
		}
		row := t.row(c.scenario, byHub, feed, eyes...)
		mu.Lock()
		var gap time.Duration
		for _, at := range times {
			for i := range at[:max(0, len(at)-1)] {
				gap = max(gap, at[i+1].Sub(at[i]))
			}
		}
		mu.Unlock()
		row.Gap = rounded(ms(gap), 0)
		results.Rows = append(results.Rows, row)
		cancel()
		r.end()
	}
	return nil
}
