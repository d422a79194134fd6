package bench

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"udpcam/bench/internal/relay"
	"udpcam/internal/netns"
)

// A Fan measures what each viewer gets from a server. It tries every combination of a way to watch, a number of viewers and
// a number of stalled viewers. The server is a separate process. It reads pictures from standard input, and serves them over
// HTTP or to those who subscribe. Stalled viewers ask for the stream too, but read nothing.
type Fan struct {
	Udpcam           string // the command
	By               []Way
	Link             string // LinkLoopback or LinkVeth
	Viewers, Stalled []int
	Pictures         [][]byte // the first and last ones do not count: see Uncounted
	FPS              float64
}

// Measure implements Measurement.
func (f *Fan) Measure(ctx context.Context, results *Results, progress Progress) error {
	all := len(f.By) * len(f.Viewers) * len(f.Stalled)
	for _, way := range f.By {
		for _, viewers := range f.Viewers {
			for _, stalled := range f.Stalled {
				progress(len(results.Rows), all, fmt.Sprintf("%s: %d viewers, %d stalled", way.title, viewers, stalled))
				row, err := f.measure(ctx, way, viewers, stalled)
				if err != nil {
					return err
				}
				results.Rows = append(results.Rows, row)
			}
		}
	}
	return nil
}

func (f *Fan) measure(ctx context.Context, way Way, viewers, stalled int) (row Row, err error) {
	addr, err := freeAddress()
	if err != nil {
		return row, err
	}
	start := relay.Here
	var machine *netns.Namespace // of the viewers
	if f.Link == LinkVeth {
		cable, err := netns.NewDirect()
		if err != nil {
			return row, err
		}
		defer cable.Close()
		start, machine, addr = cable.B.Start, cable.A, netip.AddrPortFrom(netns.AddrB, 8080).String()
	}
	server := &relay.Process{Name: "server", Start: start,
		Command: append(append([]string{f.Udpcam}, strings.Fields(way.serve)...), addr, "--source", "-")}
	defer server.End()
	if err := server.Begin(); err != nil {
		return row, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	feed := relay.NewFeed(f.Pictures, int(f.FPS), cool, f.FPS)
	eyes := make([]*relay.Eye, viewers)
	connected := make(chan error, viewers+stalled)
	var watching sync.WaitGroup
	for i := range viewers + stalled {
		if i < viewers {
			eyes[i] = feed.NewEye()
		}
		watching.Go(func() {
			v, err := way.connect(ctx, addr, machine, i >= viewers)
			connected <- err
			if err != nil {
				return
			}
			defer v.close()
			if i < viewers {
				eyes[i].Watch(v.next, nil)
			}
			<-ctx.Done()
		})
	}
	for range viewers + stalled {
		if err := <-connected; err != nil {
			return row, fmt.Errorf("a viewer: %w", err)
		}
	}
	fed, costs, err := feed.Into(ctx, server)
	if err != nil {
		return row, err
	}
	cancel()
	watching.Wait()

	frames := feed.Counted()
	row = Row{Carrier: way.title, Link: f.Link, FrameBytes: meanSize(f.Pictures), FPS: f.FPS, Viewers: viewers,
		Stalled: &stalled, Frames: frames}
	var delays []time.Duration
	worst := frames
	for _, eye := range eyes {
		got := eye.Sight().Delays
		delays = append(delays, got...)
		worst = min(worst, len(got))
	}
	row.Delivered, row.Worst = percent(len(delays), frames*viewers), percent(worst, frames)
	row.delays(delays)
	row.Memory = rounded(float64(costs[0].Memory)/1e6, 1)
	if cpu := costs[0].CPU; cpu > 0 {
		row.CPU = rounded(cpu.Seconds()/(float64(fed)*float64(viewers)/1e9), 3)
	}
	return row, nil
}
