// Package browser opens a page in Chromium, without a window, and sees what it shows: each picture that the browser has put
// together for the screen, and when. It speaks the DevTools protocol over a pipe (--remote-debugging-pipe), JSON objects
// each followed by a zero byte, of which it needs five commands and one event.
//
// With chromedp, which tests use, this would be a third as long and see the same pictures at the same times, but the
// command, 25.0 MB, would be 1.6 MB larger, and the page is watched by one bench alone.
package browser

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"time"
)

// Names are what Chromium is called, in the order in which it is looked for.
var Names = []string{"chromium", "chromium-browser", "google-chrome"}

// ErrNone is the lack of a browser.
var ErrNone = errors.New("there is no Chromium (Debian: chromium)")

// Find returns the browser's command. The error is ErrNone.
func Find() (string, error) {
	for _, name := range Names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNone
}

// A Shot is what the page looked like at a time.
type Shot struct {
	At   time.Time // when the browser had it ready for the screen
	JPEG []byte
}

// message is any of the protocol's.
type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

type object map[string]any

// Watch opens a page and calls see with what it shows, each time that it has changed, until ctx is done. Width and height
// are the page's in pixels.
func Watch(ctx context.Context, url string, width, height int, see func(Shot)) error {
	path, err := Find()
	if err != nil {
		return err
	}
	profile, err := os.MkdirTemp("", "udpcam-bench")
	if err != nil {
		return err
	}
	defer remove(profile)
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe",
		fmt.Sprintf("--window-size=%d,%d", width, height), "--user-data-dir="+profile, "about:blank")
	theirIn, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	err = cmd.Start()
	theirIn.Close()
	theirOut.Close()
	if err != nil {
		return err
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	p := page{in: in, out: bufio.NewReaderSize(out, 1<<20), see: see}
	defer context.AfterFunc(ctx, func() { out.SetReadDeadline(time.Unix(1, 0)) })()
	if err := p.watch(url); ctx.Err() == nil {
		return fmt.Errorf("the browser: %w", err)
	}
	return nil
}

// remove removes the profile of a browser that was killed. Its processes, which end when they notice, write there until then.
func remove(profile string) {
	for range 100 {
		err := os.RemoveAll(profile)
		time.Sleep(20 * time.Millisecond)
		if _, gone := os.Stat(profile); err == nil && gone != nil {
			return
		}
	}
}

// activating is how long a page may take to become active.
const activating = 10 * time.Second

// A page is a browser's page that is being watched.
type page struct {
	in      *os.File
	out     *bufio.Reader
	see     func(Shot)
	id      int
	session string
}

// watch never returns without an error.
func (p *page) watch(url string) error {
	var target struct {
		ID string `json:"targetId"`
	}
	if err := p.call("Target.createTarget", object{"url": "about:blank"}, &target); err != nil {
		return err
	}
	var attached struct {
		Session string `json:"sessionId"`
	}
	if err := p.call("Target.attachToTarget", object{"targetId": target.ID, "flatten": true}, &attached); err != nil {
		return err
	}
	p.session = attached.Session
	if err := p.call("Page.enable", nil, nil); err != nil {
		return err
	}
	// A page that has just been made is not active at once, and there is no event for when it is.
	for end := time.Now().Add(activating); ; time.Sleep(100 * time.Millisecond) {
		err := p.call("Page.startScreencast", object{"format": "jpeg", "quality": 80, "everyNthFrame": 1}, nil)
		if err == nil {
			break
		} else if time.Now().After(end) {
			return err
		}
	}
	if err := p.call("Page.navigate", object{"url": url}, nil); err != nil {
		return err
	}
	for {
		m, err := p.read()
		if err == nil {
			err = p.event(m)
		}
		if err != nil {
			return err
		}
	}
}

// call calls a method and waits for its result.
func (p *page) call(method string, params object, result any) error {
	if err := p.write(method, params); err != nil {
		return err
	}
	for want := p.id; ; {
		m, err := p.read()
		switch {
		case err != nil:
			return err
		case m.ID == want && m.Error != nil:
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		case m.ID == want && result != nil:
			return json.Unmarshal(m.Result, result)
		case m.ID == want:
			return nil
		}
		if err := p.event(m); err != nil {
			return err
		}
	}
}

func (p *page) write(method string, params object) error {
	p.id++
	b, err := json.Marshal(message{ID: p.id, Session: p.session, Method: method, Params: params})
	if err != nil {
		return err
	}
	_, err = p.in.Write(append(b, 0))
	return err
}

type received struct {
	message
	Params json.RawMessage `json:"params"`
}

func (p *page) read() (m received, err error) {
	b, err := p.out.ReadBytes(0)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(b[:len(b)-1], &m)
}

// event takes in what the page shows.
func (p *page) event(m received) error {
	if m.Method != "Page.screencastFrame" {
		return nil
	}
	var frame struct {
		Data     string `json:"data"`
		Number   int    `json:"sessionId"`
		Metadata struct {
			At float64 `json:"timestamp"` // seconds since 1970
		} `json:"metadata"`
	}
	if err := json.Unmarshal(m.Params, &frame); err != nil {
		return err
	}
	if err := p.write("Page.screencastFrameAck", object{"sessionId": frame.Number}); err != nil {
		return err
	}
	picture, err := base64.StdEncoding.DecodeString(frame.Data)
	if err != nil {
		return err
	}
	seconds, part := math.Modf(frame.Metadata.At)
	p.see(Shot{At: time.Unix(int64(seconds), int64(part*1e9)), JPEG: picture})
	return nil
}
