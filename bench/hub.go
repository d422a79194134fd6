package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
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
	byServer = "hub: the server alone"
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

// look has an eye watch a page from a machine, until ctx ends. times, if not nil, gets when pictures came.
func look(
	ctx context.Context,
	feed *relay.Feed,
	from *netns.Namespace,
	page string,
	times func(time.Time),
) (*relay.Eye, error) {
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
	v, err := way.connect(ctx, page, nil, false)
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
	row := Row{
		Scenario:   scenario,
		Carrier:    carrier,
		Link:       "loopback",
		FrameBytes: meanSize(t.Pictures),
		FPS:        t.FPS,
		Frames:     feed.Counted(),
	}
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
func (t *HubTest) beside(
	ctx context.Context,
	scenario string,
	on relay.Starter,
	from *netns.Namespace,
	listen, page string,
	pictures [][]byte,
) (row Row, err error) {
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
	alone := Row{Scenario: scenario, Carrier: byServer, Link: "loopback", FPS: t.FPS}
	alone.cost(fed, costs[1])
	results.Rows = append(results.Rows, beside, row, alone)
	results.note("loopback: CPU and memory of the row \"hub\" are of the edge")
	return nil
}
