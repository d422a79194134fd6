package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// A Drawing is a picture that udpcam's page has drawn on its canvas. Times are by the clock of this machine.
type Drawing struct {
	Captured time.Time // when the server got it
	At       time.Time // when it was drawn
}

// noting is a script that notes what the page's workers say they have drawn.
const noting = `window.drawings = []; window.Worker = class extends Worker {
	constructor(...all) {
		super(...all);
		this.addEventListener('message', ({ data: { picture: p } }) => p && window.drawings.push([p.captured, p.at]));
	}
}`

// Draw opens a page of udpcam, and calls see with what it draws, until ctx is done. The browser runs on the machine, that is in
// the network namespace, of the process with that number.
func Draw(ctx context.Context, process int, url string, see func([]Drawing)) error {
	path, err := Find()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "udpcam-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	there := filepath.Join(dir, "browser")
	script := fmt.Sprintf("#!/bin/sh\nexec nsenter --net --target %d %s \"$@\"\n", process, path)
	if err := os.WriteFile(there, []byte(script), 0o755); err != nil {
		return err
	}
	return open(ctx, there, 1280, 960, func(tab context.Context) error { return draw(tab, url, see) })
}

func draw(ctx context.Context, url string, see func([]Drawing)) error {
	if err := chromedp.Do(ctx); err != nil { // it starts the browser
		return err
	}
	script := page.AddScriptToEvaluateOnNewDocumentParams{Source: noting}
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, script); err != nil {
		return err
	}
	if _, err := chromedp.Call(ctx, page.Navigate, page.NavigateParams{URL: url}); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
		all, err := chromedp.Run(ctx, chromedp.Evaluate[[][2]float64]("window.drawings.splice(0)"))
		if err != nil {
			return err
		}
		var drawings []Drawing
		for _, d := range all {
			drawings = append(drawings, Drawing{at(d[0]), at(d[1])})
		}
		see(drawings)
	}
}

// at is a time in milliseconds since the Unix epoch.
func at(ms float64) time.Time { return time.UnixMicro(int64(1000 * ms)) }
