package main_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.Flag("no-proxy-server", true))
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

// inOrder fails the test if a picture is older than the one before it. It returns the longest time without one, in ms.
func inOrder(t *testing.T, all []seen) (gap float64) {
	t.Helper()
	for i := 1; i < len(all); i++ {
		if all[i].Captured <= all[i-1].Captured {
			t.Errorf("a picture goes back by %.1f ms: %+v, %+v", all[i-1].Captured-all[i].Captured, all[i-1], all[i])
		}
		gap = max(gap, all[i].At-all[i-1].At)
	}
	return gap
}

// fresh returns how long after a moment the first picture was shown that was made after it.
func fresh(t *testing.T, all []seen, after time.Time) time.Duration {
	t.Helper()
	for _, s := range all {
		if s.Captured > float64(after.UnixMicro())/1000 {
			return since(after, s.At)
		}
	}
	t.Fatalf("no picture was made after that, of %d", len(all))
	return 0
}

// says waits until an element of the page says something.
func (d *distantPage) says(id, text string) {
	d.t.Helper()
	until(d.t, text, func() bool {
		return strings.Contains(evaluate[string](d.browser, fmt.Sprintf("document.getElementById(%q).innerText", id)), text)
	})
}

// hide hides the page, as another tab does, or shows it.
func (d *distantPage) hide(yes bool) {
	d.t.Helper()
	evaluate[bool](d.browser, fmt.Sprintf(`Object.defineProperty(document, 'hidden', { get: () => %v, configurable: true }) &&
		document.dispatchEvent(new Event('visibilitychange'))`, yes))
}

// A page's pictures come by its WebSocket, until the network loses packets: then they come by datagrams, and the picture
// does not stop, nor go back. It survives outages, servers that end, and being hidden.
func TestE2ENetnsPageWays(t *testing.T) {
	const good, bad = "delay 2ms", "delay 2ms loss 5%"
	d := openDistant(t, "", good)
	time.Sleep(time.Second)
	for _, s := range d.pictures() {
		if s.By != "socket" {
			t.Fatalf("without losses, a picture comes by %s", s.By)
		}
	}

	lossy := d.network(bad)
	d.says("facts", "by datagrams")
	time.Sleep(3 * time.Second)
	all := d.pictures()
	gap := inOrder(t, all)
	from := slices.IndexFunc(all, func(s seen) bool { return s.By == "datagrams" })
	took := since(lossy, all[from].At)
	smooth := all[from:]
	made := (smooth[len(smooth)-1].Captured-smooth[0].Captured)*30/1000 + 1
	t.Logf("by datagrams after %.1f s; then %d of %.1f pictures, longest gap %.0f ms, before that %.0f ms",
		took.Seconds(), len(smooth), made, inOrder(t, smooth), gap)
	if took > 6*time.Second || float64(len(smooth)) < 0.8*made || gap > 1500 {
		t.Error("that took too long, or pictures are missing")
	}

	out := d.network("loss 100%")
	time.Sleep(4 * time.Second)
	back := d.network(bad)
	time.Sleep(3 * time.Second)
	all = d.pictures()
	inOrder(t, all)
	t.Logf("after %v without a network, a new picture is there after %v", back.Sub(out).Round(time.Millisecond),
		fresh(t, all, back.Add(-10*time.Millisecond)).Round(time.Millisecond))
	if after := fresh(t, all, back); after > 2*time.Second {
		t.Errorf("the first picture after an outage comes after %v", after)
	}
	d.says("facts", "by datagrams")

	for _, end := range []func(){func() { d.server.kill() }, func() { d.server.stop(t) }} {
		ended := time.Now()
		end()
		d.says("status", "no connection")
		noticed := time.Now()
		d.serve(t)
		began := time.Now()
		d.says("status", "live")
		live := time.Now()
		d.says("facts", "by datagrams")
		t.Logf("noticed after %.1f s that the server has ended; started again, live after %.1f s, by datagrams after %.1f s",
			noticed.Sub(ended).Seconds(), live.Sub(began).Seconds(), time.Since(began).Seconds())
		inOrder(t, d.pictures())
	}

	d.hide(true)
	until(t, "nobody watches", func() bool { return strings.Contains(string(d.ask("healthz")), `"viewers":0`) })
	d.pictures()
	d.hide(false)
	d.says("status", "live")
	d.says("facts", "by datagrams")
	inOrder(t, d.pictures())
}

// ask asks the server by HTTP, on its machine.
func (d *distantPage) ask(path string) []byte {
	d.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network,
		addr string) (conn net.Conn, err error) {
		err = d.cable.A.Do(func() (err error) { conn, err = new(net.Dialer).DialContext(ctx, network, addr); return err })
		return conn, err
	}}}
	said, err := answer(client.Get(distantURL + path))
	if err != nil {
		d.t.Fatal(err)
	}
	return said
}
