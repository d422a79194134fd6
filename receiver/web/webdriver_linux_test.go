package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A window is a page in some browser.
type window interface {
	// run runs a script, as the body of a function, and returns what it returns.
	run(script string) (json.RawMessage, error)
	visit(address string) error
	resize(width, height int) error
	screenshot() ([]byte, error) // as PNG
}

// browsers are the browsers that the page is tested in. open opens an empty window that ends with the test.
var browsers = []struct {
	name string
	open func(t *testing.T, dark bool) window
}{
	{"Chromium", openChromium},
	{"Firefox", openFirefox},
	{"WebKit", openWebKit},
}

// A machine is where a browser runs: this one, or a *netns.Namespace.
type machine interface {
	Start(cmd *exec.Cmd) error
	Do(f func() error) error
}

type here struct{}

func (here) Start(cmd *exec.Cmd) error { return cmd.Start() }
func (here) Do(f func() error) error   { return f() }

// start starts a program of a browser, which ends with the test. It may write its files in the folder home.
func start(t *testing.T, on machine, home string, env []string, command ...string) {
	t.Helper()
	cmd := exec.Command(need(t, command[0]), command[1:]...)
	cmd.Env = append(os.Environ(), append(env, "HOME="+home, "XDG_RUNTIME_DIR="+home, "TMPDIR="+home)...)
	startGroup(t, on, cmd)
}

// startGroup starts a program that ends with the test, together with the programs that it starts.
func startGroup(t *testing.T, on machine, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := on.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) //nolint:errcheck // it may have ended
		cmd.Wait()                                      //nolint:errcheck // it was killed
	})
}

// A chromium is a window of Chromium, by its own protocol.
type chromium struct{ ctx context.Context }

func openChromium(t *testing.T, dark bool) window {
	p := browse(t, "about:blank", 1000, 700)
	t.Cleanup(p.forgive) // the tests take servers away
	if dark {
		p.theme("dark")
	} else {
		p.theme("light")
	}
	return chromium{p.ctx}
}

func (c chromium) run(script string) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(c.ctx, hang)
	defer cancel()
	expression := "(async () => {" + script + "})()"
	return chromedp.Run(ctx, chromedp.Evaluate[json.RawMessage](expression, chromedp.EvalAwaitPromise))
}

func (c chromium) visit(address string) error {
	ctx, cancel := context.WithTimeout(c.ctx, hang)
	defer cancel()
	return chromedp.Do(ctx, chromedp.Navigate(address))
}

func (c chromium) resize(width, height int) error {
	return chromedp.Do(c.ctx, chromedp.EmulateViewport(int64(width), int64(height)))
}

func (c chromium) screenshot() ([]byte, error) {
	ctx, cancel := context.WithTimeout(c.ctx, hang)
	defer cancel()
	return chromedp.Run(ctx, chromedp.CaptureScreenshot())
}

// A webdriver is a window whose browser speaks the commands of WebDriver (https://www.w3.org/TR/webdriver2/). ask sends one.
type webdriver struct {
	ask func(c command, arguments map[string]any) (json.RawMessage, error)
}

// A command of WebDriver has a method and a path by HTTP, and a name in Firefox's Marionette.
type command struct{ method, path, marionette string }

var (
	newSession  = command{"POST", "", "NewSession"}
	navigate    = command{"POST", "/url", "Navigate"}
	execute     = command{"POST", "/execute/async", "ExecuteAsyncScript"}
	getRect     = command{"GET", "/window/rect", "GetWindowRect"}
	setRect     = command{"POST", "/window/rect", "SetWindowRect"}
	screenshots = command{"GET", "/screenshot", "TakeScreenshot"}
)

func (w webdriver) run(script string) (json.RawMessage, error) {
	script = "const done = arguments[arguments.length - 1]; (async () => {" + script +
		"})().then((value) => done([value ?? null]), (error) => done(String(error)));"
	answer, err := w.ask(execute, map[string]any{"script": script, "args": []any{}})
	var value []json.RawMessage
	if err == nil && json.Unmarshal(answer, &value) != nil {
		err = fmt.Errorf("%s", answer)
	}
	if err != nil || len(value) != 1 {
		return nil, err
	}
	return value[0], nil
}

func (w webdriver) visit(address string) error {
	_, err := w.ask(navigate, map[string]any{"url": address})
	return err
}

// resize gives the page a size. The window is larger by its frame.
func (w webdriver) resize(width, height int) error {
	for range 3 {
		answer, err := w.run("return [innerWidth, innerHeight]")
		var inner [2]int
		var outer struct{ Width, Height int }
		if err == nil {
			err = json.Unmarshal(answer, &inner)
		}
		if err == nil && inner == [2]int{width, height} {
			return nil
		}
		if err == nil {
			answer, err = w.ask(getRect, nil)
		}
		if err == nil {
			err = json.Unmarshal(answer, &outer)
		}
		if err == nil {
			_, err = w.ask(setRect, map[string]any{"width": width + outer.Width - inner[0],
				"height": height + outer.Height - inner[1]})
		}
		if err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

func (w webdriver) screenshot() ([]byte, error) {
	answer, err := w.ask(screenshots, map[string]any{"full": false})
	var encoded string
	if err == nil {
		err = json.Unmarshal(answer, &encoded)
	}
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(encoded)
}

// decodePNG decodes a screenshot.
func decodePNG(t *testing.T, data []byte, err error) image.Image {
	t.Helper()
	var img image.Image
	if err == nil {
		img, err = png.Decode(bytes.NewReader(data))
	}
	if err != nil {
		t.Fatal(err)
	}
	return img
}
