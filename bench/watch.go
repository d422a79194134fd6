package bench

import (
	"context"
	"net/netip"
	"os/exec"
	"slices"
	"sync"
	"time"

	"udpcam/bench/internal/browser"
	"udpcam/bench/internal/relay"
	"udpcam/internal/netns"
)

// A PageTest measures what udpcam's page draws in a browser on another machine, when the network between server and browser
// loses packets: how many pictures, and how long after the server had them. It tries every combination of a network and a way
// by which pictures come to the page.
type PageTest struct {
	Udpcam   string   // the command
	By       []string // ways: those of [PageWays]
	Networks []Network
	Pictures [][]byte // the first and last ones do not count: see Uncounted
	FPS      float64
	Seed     uint64
}

// browserStarts is how long a browser may take to start.
const browserStarts = 6 * time.Second

// PageWays are the ways by which pictures come to the page, and what they are called in results.
var PageWays = map[string]string{"socket": "WebSocket", "datagrams": "data channel", "auto": "page's choice"}

// FindPageWay returns the name of a way. The error wraps ErrName.
func FindPageWay(name string) (string, error) {
	return find("way", []string{"socket", "datagrams", "auto"}, func(way string) string { return way }, name)
}

// Measure implements Measurement.
func (t *PageTest) Measure(ctx context.Context, results *Results, progress Progress) error {
	path, err := browser.Find()
	if err != nil {
		return err
	}
	results.Made.addVersion(path, "--version")
	for _, n := range t.Networks {
		for _, by := range t.By {
			progress(len(results.Rows), len(t.Networks)*len(t.By), PageWays[by]+", "+n.Words())
			row, err := t.measure(ctx, by, n)
			if err != nil {
				return err
			}
			results.Rows = append(results.Rows, row)
		}
	}
	results.note("a delay is from when the server had the picture until Chromium's page had drawn it on its canvas")
	return ctx.Err()
}

func (t *PageTest) measure(ctx context.Context, by string, n Network) (row Row, err error) {
	cable, err := plug(LinkTun, n, t.Seed)
	if err != nil {
		return row, err
	}
	defer cable.Close()
	addr := netip.AddrPortFrom(netns.AddrB, 8080).String()
	server := &relay.Process{Name: "server", Start: cable.B.Start,
		Command: []string{t.Udpcam, "serve", "--http", addr, "--source", "-"}}
	defer server.End()
	machine := exec.Command("sleep", "infinity") // a process on the browser's machine
	if err := cable.A.Start(machine); err != nil {
		return row, err
	}
	defer machine.Wait()
	defer machine.Process.Kill()
	if err := server.Begin(); err != nil {
		return row, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	// While the browser starts, the first picture comes again and again.
	pictures := append(slices.Repeat(t.Pictures[:1], int(browserStarts.Seconds()*t.FPS)), t.Pictures...)
	frames := len(t.Pictures) - Uncounted(t.FPS)
	feed := relay.NewFeed(pictures, len(pictures)-frames-cool, cool, t.FPS)
	var mu sync.Mutex
	var drawings []browser.Drawing
	var began time.Time
	feed.Measured = func() {
		mu.Lock()
		defer mu.Unlock()
		if began.IsZero() {
			began = time.Now()
		}
	}
	failed := make(chan error, 1)
	go func() {
		failed <- browser.Draw(ctx, machine.Process.Pid, "http://"+addr+"/?by="+by, func(all []browser.Drawing) {
			mu.Lock()
			defer mu.Unlock()
			drawings = append(drawings, all...)
		})
	}()
	bytes, costs, err := feed.Into(ctx, server)
	cancel()
	if browserErr := <-failed; err == nil {
		err = browserErr
	}
	if err != nil {
		return row, err
	}
	row = Row{Carrier: PageWays[by], Link: LinkTun, FrameBytes: meanSize(t.Pictures), FPS: t.FPS, Frames: frames}
	n.describe(&row)
	var delays []time.Duration
	end := began.Add(time.Duration(float64(frames) / t.FPS * float64(time.Second)))
	for _, d := range drawings {
		if !d.Captured.Before(began) && d.Captured.Before(end) {
			delays = append(delays, d.At.Sub(d.Captured))
		}
	}
	row.Delivered = percent(len(delays), frames)
	row.delays(delays)
	row.CPUSend = rounded(costs[0].CPU.Seconds()/(float64(bytes)/1e9), 2)
	return row, nil
}
