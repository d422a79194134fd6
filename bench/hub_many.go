package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"udpcam/bench/internal/relay"
	"udpcam/internal/hubconn"
	"udpcam/protocol"
	"udpcam/receiver/sink"
	"udpcam/sender/source"
)

// idle measures what goes over the connection of a site at which nobody watches.
func (t *HubTest) idle(ctx context.Context, results *Results) error {
	a, err := ports(5)
	if err != nil {
		return err
	}
	var bytes atomic.Int64
	proxy, err := countingProxy(a[1], &bytes)
	if err != nil {
		return err
	}
	defer proxy.Close()
	r := rig{udpcam: t.Udpcam}
	defer r.end()
	_, err0 := r.start(relay.Here, "hub", "--listen", a[0], "--leaf-listen", a[1])
	if !relay.Pause(ctx, time.Second) {
		return ctx.Err()
	}
	_, err1 := r.start(
		relay.Here,
		"hub",
		"--listen",
		a[2],
		"--leaf-listen",
		"127.0.0.1:0",
		"--leaf",
		"nats://"+proxy.Addr().String(),
	)
	_, err2 := r.start(relay.Here, "recv", "--addr", a[3], "--hub", a[0])
	_, err3 := r.start(relay.Here, "serve", "--http", a[4], "--hub", a[2])
	_, err4 := r.start(relay.Here, "send", "--addr", a[3], "--source", "test:")
	if err := errors.Join(err0, err1, err2, err3, err4); err != nil || !relay.Pause(ctx, 4*time.Second) {
		return errors.Join(err, ctx.Err())
	}
	const period = 10 * time.Second
	before := bytes.Load()
	if before == 0 || !relay.Pause(ctx, period) {
		return errors.Join(errors.New("the leaf does not connect"), ctx.Err())
	}
	results.Rows = append(results.Rows, Row{Scenario: "nobody watches", Carrier: byHub, Link: "loopback",
		Idle: rounded(float64(bytes.Load()-before)/period.Seconds(), 0)})
	results.note("nobody watches: bytes in the TCP connection of a leaf hub, headers of TCP and IP not included")
	return nil
}

// countingProxy passes connections on to an address and counts what goes through.
func countingProxy(to string, bytes *atomic.Int64) (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	pass := func(to, from net.Conn) {
		defer to.Close()
		io.Copy(to, io.TeeReader(from, counter{bytes}))
	}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			go pass(far, near)
			go pass(near, far)
		}
	}()
	return l, nil
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}

// listed measures how long it takes until an edge knows all of 64 publishers.
func (t *HubTest) listed(ctx context.Context, results *Results) error {
	const publishers, tries = 64, 10
	a, err := ports(1)
	if err != nil {
		return err
	}
	r := rig{udpcam: t.Udpcam}
	defer r.end()
	if _, err := r.start(relay.Here, "hub", "--listen", a[0], "--leaf-listen", "127.0.0.1:0"); err != nil ||
		!relay.Pause(ctx, time.Second) {
		return errors.Join(err, ctx.Err())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	quiet := slog.New(slog.DiscardHandler)
	dial := func() (*hubconn.Conn, error) {
		return hubconn.Dial(ctx, hubconn.Config{URLs: []string{a[0]}, Name: "udpcam-bench", Log: quiet, Wait: true})
	}
	for i := range publishers {
		conn, err := dial()
		if err != nil {
			return err
		}
		to, err := sink.NewHub(conn, sink.HubOptions{Site: fmt.Sprint("site ", i), Skip: func(string) {},
			Clock: func(string) (time.Duration, bool) { return 0, true }})
		if err != nil {
			return err
		}
		defer to.Close()
		to.Put(protocol.Frame{Stream: fmt.Sprint("camera ", i), JPEG: t.Pictures[0]})
	}
	var took []time.Duration
	for range tries {
		conn, err := dial()
		if err != nil {
			return err
		}
		began := time.Now()
		edge, err := source.NewHub(ctx, conn, source.HubOptions{Viewers: func() int { return 0 }})
		if err != nil {
			return err
		}
		for {
			names, changed := edge.Streams()
			if len(names) == publishers {
				break
			}
			select {
			case <-changed:
			case <-time.After(starting):
				return fmt.Errorf("%d of %d publishers are listed", len(names), publishers)
			}
		}
		took = append(took, time.Since(began))
		conn.Close()
	}
	row := Row{Scenario: "64 publishers are listed", Carrier: byHub, Link: "loopback"}
	row.delays(took)
	results.Rows = append(results.Rows, row)
	return nil
}

// many measures four cameras, three edges, and many viewers of each edge.
func (t *HubTest) many(ctx context.Context, results *Results) error {
	const cameras, edges = 4, 3
	scenario := fmt.Sprintf("%d cameras, %d edges", cameras, edges)
	fan := Fan{Udpcam: t.Udpcam, Pictures: t.Pictures, FPS: t.FPS}
	row, err := fan.measure(ctx, Ways[0], t.Viewers, 0)
	if err != nil {
		return err
	}
	row.Scenario, row.Carrier, row.Stalled = scenario, byServe+", one of them", nil
	results.Rows = append(results.Rows, row)
	a, err := ports(2 + edges)
	if err != nil {
		return err
	}
	r := rig{udpcam: t.Udpcam}
	defer r.end()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	hub, err0 := r.start(relay.Here, "hub", "--listen", a[0], "--leaf-listen", "127.0.0.1:0")
	_, err1 := r.start(relay.Here, "recv", "--addr", a[1], "--hub", a[0])
	if err := errors.Join(err0, err1); err != nil {
		return err
	}
	var feeds []*relay.Feed
	var senders, others []*relay.Process
	for i := range cameras {
		p, err := r.start(relay.Here, "send", "--addr", a[1], "--source", "-", "--name", fmt.Sprint("c", i))
		if err != nil {
			return err
		}
		senders = append(senders, p)
		feeds = append(feeds, relay.NewFeed(t.Pictures, int(2*t.FPS), cool, t.FPS))
	}
	for i := range edges {
		p, err := r.start(relay.Here, "serve", "--http", a[2+i], "--hub", a[0], "--max-viewers", fmt.Sprint(t.Viewers+10))
		if err != nil {
			return err
		}
		others = append(others, p)
	}
	var eyes []*relay.Eye
	var mu sync.Mutex
	var watching, feeding sync.WaitGroup
	for i := range edges * t.Viewers {
		watching.Go(func() {
			c := i % cameras
			eye, err := look(
				ctx,
				feeds[c],
				nil,
				fmt.Sprintf("%s/streams/c%d", a[2+i%edges], c),
				nil,
			) // once the camera is known there
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				eyes = append(eyes, eye)
			}
		})
	}
	errs := make([]error, cameras)
	var fed int
	var costs []relay.Cost
	for i, feed := range feeds {
		feeding.Go(func() {
			if i > 0 {
				_, _, errs[i] = feed.Into(ctx, senders[i])
				return
			}
			fed, costs, errs[i] = feed.Into(ctx, senders[i], append(others, hub)...)
		})
	}
	feeding.Wait()
	cancel()
	watching.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	row = t.row(scenario, byHub, feeds[0], eyes...)
	row.cost(fed*edges*t.Viewers, costs[1:1+edges]...)
	alone := Row{Scenario: scenario, Carrier: byServer, Link: "loopback", FPS: t.FPS}
	alone.cost(fed*edges*t.Viewers, costs[1+edges])
	results.Rows = append(results.Rows, row, alone)
	results.note("%s: CPU is for each gigabyte that viewers get: of the edges, and of the server", scenario)
	return nil
}
