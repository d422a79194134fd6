// Package browser opens a page in Chromium without a window, and captures each picture that the browser composes for the
// screen, with its time.
package browser

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// names are Chromium's possible command names, in order of preference.
var names = []string{"chromium", "chromium-browser", "google-chrome"}

// ErrNone means that there is no browser.
var ErrNone = errors.New("there is no Chromium (Debian: chromium)")

// Find returns the browser's command. The error is ErrNone.
func Find() (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNone
}

// A Shot is a picture of the page.
type Shot struct {
	At   time.Time // when the browser had it ready for the screen
	JPEG []byte
}

// Watch opens a page of width x height pixels and calls see each time the page changes, until ctx is done.
func Watch(ctx context.Context, url string, width, height int, see func(Shot)) error {
	path, err := Find()
	if err != nil {
		return err
	}
	return open(ctx, path, width, height, func(tab context.Context) error { return watch(tab, url, see) })
}

// open opens a browser, and has do use its tab until ctx is done. do never returns without an error.
func open(ctx context.Context, path string, width, height int, do func(tab context.Context) error) error {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WindowSize(width, height), chromedp.Flag("no-proxy-server", true))
	allocator, free := chromedp.NewExecAllocator(context.WithoutCancel(ctx), options...)
	defer free()
	tab, closeTab := chromedp.NewContext(allocator)
	defer closeTab()
	defer chromedp.Cancel(tab) // it returns when the browser has ended and its files are gone
	watching, stop := context.WithCancel(tab)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	if err := do(watching); ctx.Err() == nil {
		return fmt.Errorf("the browser: %w", err)
	}
	return nil
}

// watch watches the page of a browser's tab. It never returns without an error.
func watch(ctx context.Context, url string, see func(Shot)) error {
	if err := chromedp.Do(ctx); err != nil { // it starts the browser
		return err
	}
	frames := chromedp.Events(ctx, page.ScreencastFrame)
	quality := int64(80)
	cast := page.StartScreencastParams{Format: page.StartScreencastFormatJpeg, Quality: &quality, EveryNthFrame: 1}
	if _, err := chromedp.Call(ctx, page.StartScreencast, cast); err != nil {
		return err
	}
	if _, err := chromedp.Call(ctx, page.Navigate, page.NavigateParams{URL: url}); err != nil {
		return err
	}
	for f, err := range frames {
		if err != nil {
			return err
		}
		// Acknowledge the picture: the browser sends at most three that are not acknowledged.
		if _, err := chromedp.Call(ctx, page.ScreencastFrameAck, page.ScreencastFrameAckParams{SessionID: f.SessionID}); err != nil {
			return err
		}
		seconds, part := math.Modf(f.Metadata.Timestamp.Float64())
		see(Shot{At: time.Unix(int64(seconds), int64(part*1e9)), JPEG: f.Data})
	}
	return errors.New("it sends no more pictures")
}
