package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"

	"udpcam/bench/internal/relay"
	"udpcam/internal/netns"
)

// A HubTest measures streams that go through hubs: camera, recv, one or more hubs, edge, viewers. Each program is a process of
// its own. Beside it the same stream is measured through udpcam serve, which has nothing on the way.
type HubTest struct {
	Udpcam   string   // the command
	Pictures [][]byte // the first and last ones do not count: see Uncounted
	FPS      float64
	Slow     time.Duration // how long a slow link is watched
	Viewers  int           // of each edge
}

// The names of what is measured in the rows.
const (
	byServe  = "udpcam serve"
	byRecv   = "recv's own page"
	byHub    = "hub"
	slowLink = "tbf rate 20mbit limit 250kb"
)

// Measure implements Measurement.
func (t *HubTest) Measure(ctx context.Context, results *Results, progress Progress) error {
	steps := []struct {
		name    string
		measure func(context.Context, *Results) error
	}{
		{"one hub", t.oneHub}, {"a link of 20 Mbit/s", t.slow}, {"hubs that fail", t.failing}, {"nobody watches", t.idle},
		{"64 publishers", t.listed}, {"many viewers", t.many},
	}
	for i, step := range steps {
		progress(i, len(steps), step.name)
		err := step.measure(ctx, results)
		if errors.Is(err, netns.ErrRoot) || errors.Is(err, netns.ErrNetem) {
			results.note("%s: not measured: %v", step.name, err)
			err = nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return ctx.Err()
}

// A rig is the programs of one case, on one or two machines.
type rig struct {
	udpcam string
	all    []*relay.Process
}

func (r *rig) start(on relay.Starter, args ...string) (*relay.Process, error) {
	p := &relay.Process{Name: args[0], Start: on, Command: append([]string{r.udpcam}, args...)}
	r.all = append(r.all, p)
	return p, p.Begin()
}

func (r *rig) end() {
	for _, p := range slices.Backward(r.all) {
		p.End()
	}
}

// ports returns so many addresses of this machine at which nobody listens.
func ports(n int) (addrs []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}

// hub starts a hub on this machine, with a cluster of which route is another member.
func (r *rig) hub(name, listen, cluster, route string) (*relay.Process, error) {
	args := []string{"hub", "--name", name, "--listen", listen, "--leaf-listen", "127.0.0.1:0", "--cluster-listen", cluster}
	if route != "" {
		args = append(args, "--cluster", "nats://"+route)
	}
	return r.start(relay.Here, args...)
}

// look has an eye watch a page from a machine, until ctx ends. times, if not nil, gets when pictures came.
func look(ctx context.Context, feed *relay.Feed, from *netns.Namespace, page string, times func(time.Time)) (*relay.Eye, error) {
	way := Ways[0]
	if from != nil {
		way.watch = func(ctx context.Context, client *http.Client, addr string) (viewer, error) {
			client.Transport.(*http.Transport).DialContext = func(_ context.Context, network, addr string) (conn net.Conn, err error) {
				err = from.Do(func() error { conn, err = net.Dial(network, addr); return err })
				return conn, err
			}
			return watchMJPEG(ctx, client, addr)
		}
	}
	v, err := way.connect(ctx, page, false)
	if err != nil {
		return nil, err
	}
	eye := feed.NewEye()
	go func() {
		defer v.close()
		eye.Watch(func() ([]byte, error) {
			picture, err := v.next()
			if times != nil && err == nil {
				times(time.Now())
			}
			return picture, err
		}, nil)
	}()
	return eye, nil
}

func (t *HubTest) row(scenario, carrier string, feed *relay.Feed, eyes ...*relay.Eye) Row {
	row := Row{Scenario: scenario, Carrier: carrier, Link: "loopback", FrameBytes: meanSize(t.Pictures), FPS: t.FPS, Frames: feed.Counted()}
	var delays []time.Duration
	var wrong uint64
	worst := feed.Counted()
	for _, eye := range eyes {
		s := eye.Sight()
		delays = append(delays, s.Delays...)
		wrong += s.Damaged + s.Again
		worst = min(worst, len(s.Delays))
	}
	row.Delivered, row.Damaged = percent(len(delays), feed.Counted()*len(eyes)), &wrong
	if len(eyes) > 1 {
		row.Viewers, row.Worst = len(eyes), percent(worst, feed.Counted())
	}
	row.delays(delays)
	return row
}

// cost sets what processes have used for so many bytes that viewers got.
func (r *Row) cost(bytes int, costs ...relay.Cost) {
	var cpu time.Duration
	memory := 0
	for _, c := range costs {
		cpu += c.CPU
		memory = max(memory, c.Memory)
	}
	r.CPU, r.Memory = rounded(cpu.Seconds()/(float64(bytes)/1e9), 3), rounded(float64(memory)/1e6, 1)
}

// beside measures udpcam serve.
func (t *HubTest) beside(ctx context.Context, scenario string, on relay.Starter, from *netns.Namespace, listen, page string, pictures [][]byte) (row Row, err error) {
	r := rig{udpcam: t.Udpcam}
	defer r.end()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p, err := r.start(on, "serve", "--source", "-", "--http", listen)
	if err != nil {
		return row, err
	}
	feed := relay.NewFeed(pictures, int(t.FPS), cool, t.FPS)
	eye, err := look(ctx, feed, from, page, nil)
	if err != nil {
		return row, p.Failure(err)
	}
	fed, costs, err := feed.Into(ctx, p)
	if err != nil {
		return row, err
	}
	row = t.row(scenario, byServe, feed, eye)
	row.cost(fed, costs...)
	return row, nil
}

// oneHub measures camera, recv, hub, edge, viewer, and recv's own page beside it.
func (t *HubTest) oneHub(ctx context.Context, results *Results) error {
	const scenario = "loopback"
	a, err := ports(5)
	if err != nil {
		return err
	}
	row, err := t.beside(ctx, scenario, relay.Here, nil, a[0], a[0], t.Pictures)
	if err != nil {
		return err
	}
	results.Rows = append(results.Rows, row)
	r := rig{udpcam: t.Udpcam}
	defer r.end()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	hub, err0 := r.start(relay.Here, "hub", "--listen", a[1], "--leaf-listen", "127.0.0.1:0")
	recv, err1 := r.start(relay.Here, "recv", "--addr", a[2], "--http", a[3], "--hub", a[1])
	edge, err2 := r.start(relay.Here, "serve", "--http", a[4], "--hub", a[1])
	camera, err3 := r.start(relay.Here, "send", "--addr", a[2], "--source", "-")
	if err := errors.Join(err0, err1, err2, err3); err != nil {
		return err
	}
	feed := relay.NewFeed(t.Pictures, int(t.FPS), cool, t.FPS)
	own, err := look(ctx, feed, nil, a[3], nil)
	if err != nil {
		return recv.Failure(err)
	}
	eye, err := look(ctx, feed, nil, a[4], nil)
	if err != nil {
		return edge.Failure(err)
	}
	fed, costs, err := feed.Into(ctx, camera, hub, edge)
	if err != nil {
		return err
	}
	beside, row := t.row(scenario, byRecv, feed, own), t.row(scenario, byHub, feed, eye)
	row.cost(fed, costs[2])
	alone := Row{Scenario: scenario, Carrier: "hub: the server alone", Link: "loopback", FPS: t.FPS}
	alone.cost(fed, costs[1])
	results.Rows = append(results.Rows, beside, row, alone)
	results.note("loopback: CPU and memory of the row \"hub\" are of the edge")
	return nil
}

// slow measures two sites with a link of 20 Mbit/s between them: camera, recv, hub, route, hub, leaf hub, edge.
func (t *HubTest) slow(ctx context.Context, results *Results) error {
	const scenario = "20 Mbit/s"
	cable, err := netns.NewCable(slowLink)
	if err != nil {
		return err
	}
	defer cable.Close()
	pictures := t.Pictures
	for n := int(t.Slow.Seconds() * t.FPS); len(pictures) < n; {
		// An eye knows each picture by its pixels, so that none may come twice. Bytes behind the last picture's data differ.
		pictures = append(pictures, numbered(t.Pictures[len(pictures)%len(t.Pictures)], len(pictures)))
	}
	const a, b = "10.77.1.2", "10.77.2.2"
	row, err := t.beside(ctx, scenario, cable.A.Start, cable.B, "0.0.0.0:8080", a+":8080", pictures)
	if err != nil {
		return err
	}
	results.Rows = append(results.Rows, row)
	r := rig{udpcam: t.Udpcam}
	defer r.end()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	hubA, err0 := r.start(cable.A.Start, "hub", "--name", "A", "--listen", a+":4222", "--cluster-listen", a+":6222")
	hubB, err1 := r.start(cable.B.Start, "hub", "--name", "B", "--listen", b+":4222", "--leaf-listen", b+":7422",
		"--cluster-listen", b+":6222", "--cluster", "nats://"+a+":6222")
	leaf, err2 := r.start(cable.B.Start, "hub", "--name", "C", "--listen", b+":4223", "--leaf-listen", b+":7423", "--leaf", "nats://"+b+":7422")
	recv, err3 := r.start(cable.A.Start, "recv", "--addr", a+":12345", "--hub", a+":4222")
	edge, err4 := r.start(cable.B.Start, "serve", "--http", "0.0.0.0:8080", "--hub", b+":4223")
	camera, err5 := r.start(cable.A.Start, "send", "--addr", a+":12345", "--source", "-")
	if err := errors.Join(err0, err1, err2, err3, err4, err5); err != nil {
		return err
	}
	feed := relay.NewFeed(pictures, int(t.FPS), cool, t.FPS)
	eye, err := look(ctx, feed, cable.B, b+":8080", nil)
	if err != nil {
		return edge.Failure(err)
	}
	_, costs, err := feed.Into(ctx, camera, hubA, hubB, leaf, recv)
	if err != nil {
		return err
	}
	row = t.row(scenario, byHub, feed, eye)
	row.Memory = rounded(float64(max(costs[1].Memory, costs[2].Memory, costs[3].Memory))/1e6, 1)
	fits := 20e6 / 8 / 1.06 / float64(meanSize(t.Pictures)) / t.FPS
	results.Rows = append(results.Rows, row)
	results.note("20 Mbit/s: %.0f %% of the pictures fit, if a twentieth is headers; memory is of the largest hub", 100*min(1, fits))
	return nil
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
		feed := relay.NewFeed(t.Pictures, int(t.FPS), cool, t.FPS)
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
		time.AfterFunc(time.Duration(float64(len(t.Pictures))/t.FPS/2*float64(time.Second)), func() { first.Signal(c.signal) })
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

// numbered returns a picture with a number behind its pixels.
func numbered(picture []byte, n int) []byte {
	end := len(picture) - 2
	return slices.Concat(picture[:end], fmt.Appendf(nil, "%08d", n), picture[end:])
}
