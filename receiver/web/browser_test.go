package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// chromiumContext starts the tests' headless Chromium, when a test first wants it, and returns its context. See endChromium.
var chromiumContext = sync.OnceValues(func() (context.Context, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU)
	ctx, freeAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(ctx)
	endChromium = func() {
		chromedp.Cancel(ctx) //nolint:errcheck // it has been of use
		cancel()
		freeAllocator()
	}
	return ctx, chromedp.Do(ctx) // which starts it
})

var endChromium = func() {}

// A browserPage is a page in Chromium, in a window that shares nothing with others. The test fails if the page has written
// anything to its console, or asked for anything on another server.
type browserPage struct {
	t    *testing.T
	ctx  context.Context
	host string // that it may ask

	mu      sync.Mutex
	strange []string // console messages, and requests to other servers
}

// browse opens a page in a window of a given size, in CSS pixels.
func browse(t *testing.T, address string, width, height int64) *browserPage {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	need(t, "chromium")
	shared, err := chromiumContext()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(shared, chromedp.WithNewBrowserContext())
	p := &browserPage{t: t, ctx: ctx, host: u.Host}
	t.Cleanup(func() {
		if t.Failed() {
			p.screenshot("failed")
		}
		if err := chromedp.Cancel(ctx); err != nil {
			t.Log(err)
		}
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, s := range p.strange {
			t.Error(s)
		}
	})
	if err := chromedp.Do(ctx); err != nil { // opens it
		t.Fatal(err)
	}
	console := chromedp.Console(ctx)
	go func() {
		for m, err := range console {
			if err != nil {
				return
			}
			p.note("on the console: %s %s", m, m.URL)
		}
	}()
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	requests := chromedp.Events(ctx, network.RequestWillBeSent)
	go func() {
		for r, err := range requests {
			if err != nil {
				return
			}
			if to, err := url.Parse(r.Request.URL); err != nil || to.Host != u.Host && to.Scheme != "data" && to.Scheme != "blob" {
				p.note("asks %s", r.Request.URL)
			}
		}
	}()
	p.do(chromedp.EmulateViewport(width, height), chromedp.Navigate(address))
	return p
}

func (p *browserPage) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strange = append(p.strange, fmt.Sprintf(format, args...))
}

// forgive forgets the page's messages so far, if the test itself has caused them.
func (p *browserPage) forgive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strange = nil
}

func (p *browserPage) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, hang)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *browserPage) press(keys string) { p.t.Helper(); p.do(chromedp.KeyEvent(keys)) }

func (p *browserPage) click(selector string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

// evaluate returns the value of an expression in the page.
func evaluate[T any](p *browserPage, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, hang)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// until waits until an expression is true in the page.
func (p *browserPage) until(expression string) {
	p.t.Helper()
	eventually(p.t, expression, func() bool { return evaluate[bool](p, "!!("+expression+")") })
}

// text returns the text of an element.
func (p *browserPage) text(selector string) string {
	p.t.Helper()
	return evaluate[string](p, fmt.Sprintf("document.querySelector(%q).innerText", selector))
}

// dark and light choose a theme.
func (p *browserPage) theme(name string) {
	p.t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}
	media := emulation.SetEmulatedMediaParams{Features: features}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, media); err != nil {
		p.t.Fatal(err)
	}
}

// screenshot returns what the window shows. See capture.
func (p *browserPage) screenshot(name string) image.Image {
	img, err := png.Decode(bytes.NewReader(p.capture(name)))
	if err != nil {
		p.t.Error(err)
	}
	return img
}

// capture returns what the window shows, as PNG. If UDPCAM_SCREENSHOTS names a directory, the picture is also saved there,
// for people to look at.
func (p *browserPage) capture(name string) []byte {
	ctx, cancel := context.WithTimeout(p.ctx, hang)
	defer cancel()
	data, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Error(err)
		return nil
	}
	if keep := os.Getenv("UDPCAM_SCREENSHOTS"); keep != "" {
		name := strings.ReplaceAll(p.t.Name()+"-"+name, "/", "_") + ".png"
		if err := os.WriteFile(filepath.Join(keep, name), data, 0o644); err != nil {
			p.t.Error(err)
		}
	}
	return data
}

// canvas returns the content of a picture's canvas element, in the canvas's own pixels.
func (p *browserPage) canvas(selector string) image.Image {
	p.t.Helper()
	data := evaluate[string](p, fmt.Sprintf(`(() => {
		const from = document.querySelector(%q), to = document.createElement('canvas');
		to.width = from.naturalWidth || from.width;
		to.height = from.naturalHeight || from.height;
		to.getContext('2d').drawImage(from, 0, 0);
		return to.toDataURL('image/png').split(',')[1];
	})()`, selector))
	bytes, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		p.t.Fatal(err)
	}
	img, err := png.Decode(strings.NewReader(string(bytes)))
	if err != nil {
		p.t.Fatal(err)
	}
	return img
}

func (p *browserPage) resize(width, height int64) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height))
	p.until(fmt.Sprintf("innerWidth === %d && innerHeight === %d", width, height))
}

func scrollTo(selector string, y int) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).scrollTo(0, %d)", selector, y))
}
