package main_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"udpcam/internal/netns"
	"udpcam/internal/netsim"
)

// A distantPage is a page in Chromium on one machine, the server on another, and a network between them.
type distantPage struct {
	*browser
	cable  *netns.Cable
	server *process
	film   string
}

// A seen is a picture that a page has drawn. Times are in ms since the Unix epoch.
type seen struct {
	Captured, At float64
	By           string
	Repaired     bool
}

const distantURL = "http://10.77.1.2:8080/"

// watching is a script that notes each picture that is drawn.
const watching = `window.pictures = []; window.Worker = class extends Worker {
	constructor(...all) {
		super(...all);
		this.addEventListener('message', ({ data: { picture: p } }) => p && window.pictures.push(
			{ Captured: p.captured, At: p.at, By: p.by, Repaired: !!p.repaired }));
	}
}`

// openDistant starts server and browser, and opens the page.
func openDistant(t *testing.T, query, network string) *distantPage {
	t.Helper()
	need(t, "chromium", "nsenter")
	path, err := netsim.ParseNetem(network)
	if err != nil {
		t.Fatal(err)
	}
	cable, err := netns.NewTunnel(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cable.Close() })
	d := &distantPage{cable: cable}
	d.film, _ = film(t, 10, street(t, 2, 3, 4)...)
	d.serve(t)
	there := exec.Command("sleep", "infinity") // it stands for its machine
	if err := cable.B.Start(there); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { there.Process.Kill(); there.Wait() })
	program := filepath.Join(t.TempDir(), "chromium")
	script := fmt.Sprintf("#!/bin/sh\nexec nsenter --net --target %d chromium \"$@\"\n", there.Process.Pid)
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("no-proxy-server", true))
	ctx, free := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		chromedp.Cancel(ctx)
		cancel()
		free()
	})
	d.browser = &browser{t, ctx}
	d.do(chromedp.EmulateViewport(1280, 900))
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument,
		page.AddScriptToEvaluateOnNewDocumentParams{Source: watching}); err != nil {
		t.Fatal(err)
	}
	d.do(chromedp.Navigate(distantURL + query))
	until(t, "the page shows pictures", func() bool { return len(d.pictures()) > 0 })
	return d
}

func (d *distantPage) serve(t *testing.T) {
	d.on(t, d.cable.A, func() {
		d.server = start(t, udpcamCommand(t, "serve", "--source", d.film, "--loop", "--fps", "30", "--http", "10.77.1.2:8080"))
	})
	d.server.says(t, "10.77.1.2:8080")
}

func (d *distantPage) on(t *testing.T, n *netns.Namespace, f func()) {
	t.Helper()
	if err := n.Do(func() error { f(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// network changes the network from now on.
func (d *distantPage) network(netem string) time.Time {
	d.t.Helper()
	if err := d.cable.Change(netem); err != nil {
		d.t.Fatal(err)
	}
	return time.Now()
}

// pictures returns the pictures that were drawn since the last call.
func (d *distantPage) pictures() []seen {
	return evaluate[[]seen](d.browser, "window.pictures.splice(0)")
}

func since(at time.Time, ms float64) time.Duration {
	return time.UnixMicro(int64(ms * 1000)).Sub(at)
}

// sum describes pictures: how many of those that were made in their time, how they came, their delays and the longest gap.
func sum(all []seen) string {
	if len(all) < 2 {
		return fmt.Sprint(len(all))
	}
	var delays []float64
	by, repaired, gap, back := map[string]int{}, 0, 0.0, 0
	for i, s := range all {
		delays = append(delays, s.At-s.Captured)
		by[s.By]++
		if s.Repaired {
			repaired++
		}
		if i > 0 {
			gap = max(gap, s.At-all[i-1].At)
			if s.Captured <= all[i-1].Captured {
				back++
			}
		}
	}
	slices.Sort(delays)
	made := (all[len(all)-1].Captured-all[0].Captured)*30/1000 + 1
	return fmt.Sprintf("%d of %.1f, %v, %d repaired, p50 %.1f p99 %.1f max %.1f ms, gap %.0f ms, %d back", len(all), made, by, repaired,
		delays[len(delays)/2], delays[len(delays)*99/100], delays[len(delays)-1], gap, back)
}
