package main_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/jpeg"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"udpcam/internal/pattern"
)

// A browser is a page in a headless Chromium of its own.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// browse opens a page, after a script has run in it.
func browse(t *testing.T, url, script string) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)
	ctx, freeAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		chromedp.Cancel(ctx)
		cancel()
		freeAllocator()
	})
	b := &browser{t, ctx}
	b.do(chromedp.EmulateViewport(1280, 900))
	if script != "" {
		params := page.AddScriptToEvaluateOnNewDocumentParams{Source: script}
		if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, params); err != nil {
			t.Fatal(err)
		}
	}
	b.do(chromedp.Navigate(url))
	return b
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// evaluate returns the value of an expression in the page.
func evaluate[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// screenshot returns what the browser shows.
func (b *browser) screenshot() image.Image {
	b.t.Helper()
	data, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	return b.decode(data)
}

func (b *browser) decode(data []byte) image.Image {
	b.t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		b.t.Fatal(err)
	}
	return img
}

// picture returns what the page shows, in the picture's own pixels.
func (b *browser) picture() image.Image {
	b.t.Helper()
	encoded := evaluate[string](b, `(() => {
		const from = document.querySelector('.picture > *'), to = document.createElement('canvas');
		to.width = from.naturalWidth || from.width;
		to.height = from.naturalHeight || from.height;
		to.getContext('2d').drawImage(from, 0, 0);
		return to.toDataURL('image/png').split(',')[1];
	})()`)
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.decode(data)
}

// newest returns the number of the newest frame that the server has.
func newest(t *testing.T, url string) uint32 {
	t.Helper()
	data, err := get(url + "snapshot.jpg")
	if err != nil {
		t.Fatal(err)
	}
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	mark, err := pattern.Read(img)
	if err != nil {
		t.Fatal(err)
	}
	return mark.Number
}

// The page shows the newest frame. The test reads the block code on the screen, and compares it with that of the frame that
// was the server's newest just before. A browser that holds each frame back until the next one comes would nearly always be
// one frame behind.
func TestE2EPage(t *testing.T) {
	for name, script := range map[string]string{
		"worker":    "",
		"no worker": "delete window.OffscreenCanvas",
		"requests":  "delete window.OffscreenCanvas; delete window.WebSocket",
	} {
		t.Run(name, func(t *testing.T) {
			url := udpcam(t, "demo", "--http", "127.0.0.1:0", "--fps", "5", "--size", "640x480").url(t)
			b := browse(t, url, script)
			until(t, "a picture is shown", func() bool {
				return evaluate[bool](b, "!!document.querySelector('.tile.live .picture canvas')")
			})
			const samples = 16
			current, first, last := 0, uint32(0), uint32(0)
			for i := range samples {
				before := newest(t, url)
				mark, err := pattern.Read(b.picture())
				if err != nil {
					t.Fatal(err)
				}
				switch last = mark.Number; {
				case last >= before:
					current++
				case last+2 < before:
					t.Errorf("frame %d is shown when the newest is %d", last, before)
				}
				if i == 0 {
					first = last
				}
				until(t, "another frame is there", func() bool { return newest(t, url) > before })
			}
			t.Logf("the newest frame is shown in %d of %d cases", current, samples)
			if current < samples/2 {
				t.Errorf("the newest frame is shown in %d of %d cases", current, samples)
			}
			if last < first+samples/2 {
				t.Errorf("the page is frozen: from frame %d to %d", first, last)
			}
		})
	}
}

// The demo's page shows what loss does to the pictures, and how parity and requests repair them.
func TestE2EDemoNetwork(t *testing.T) {
	url := udpcam(t, "demo", "--http", "127.0.0.1:0").url(t)
	b := browse(t, url, "")
	until(t, "a picture is shown", func() bool { return evaluate[bool](b, "!!document.querySelector('.tile.live')") })
	set := func(loss, delay string, parity, requests bool) {
		t.Helper()
		arguments, err := json.Marshal([]any{loss, delay, "0", parity, requests})
		if err != nil {
			t.Fatal(err)
		}
		evaluate[any](b, `(([...values]) => {
			const inputs = [...document.querySelectorAll('#network input')];
			inputs.forEach((input, i) => { input.type === 'checkbox' ? input.checked = values[i] : input.value = values[i] });
			inputs[0].dispatchEvent(new Event('input', { bubbles: true }));
			return 1;
		})(`+string(arguments)+`)`)
	}
	type link struct {
		Frames, Dropped, Expected, Received uint64
		ByParity                            uint64  `json:"by_parity"`
		ByRequest                           uint64  `json:"by_request"`
		RTT                                 float64 `json:"rtt_ms"`
	}
	look := func() link {
		t.Helper()
		answer, err := get(url + "api/v1/streams")
		if err != nil {
			t.Fatal(err)
		}
		var told struct{ Streams []struct{ Link link } }
		if err := json.Unmarshal(answer, &told); err != nil || len(told.Streams) != 1 {
			t.Fatalf("%s: %v", answer, err)
		}
		return told.Streams[0].Link
	}
	// after waits until so many more frames have arrived or been lost, and returns the counts of that time.
	after := func(frames uint64) link {
		t.Helper()
		was := look()
		var now link
		until(t, "frames come or not", func() bool {
			if now = look(); now.Frames < was.Frames { // another sender
				was = link{}
			}
			return now.Frames+now.Dropped >= was.Frames+was.Dropped+frames
		})
		now.Frames, now.Dropped = now.Frames-was.Frames, now.Dropped-was.Dropped
		now.ByParity, now.ByRequest = now.ByParity-was.ByParity, now.ByRequest-was.ByRequest
		return now
	}

	set("0", "0", true, true)
	if l := after(30); l.Dropped > 0 {
		t.Errorf("where nothing is lost: %+v", l)
	}
	set("10", "0", false, false)
	after(20) // the change takes effect in this time
	if l := after(60); l.Dropped < 30 {
		t.Errorf("10 %% loss and nothing done about it: %+v", l)
	}
	set("10", "0", false, true)
	after(20)
	if l := after(60); l.Dropped > 20 || l.ByRequest == 0 {
		t.Errorf("with requests: %+v", l)
	}
	set("10", "20", true, true)
	after(60)
	if l := after(60); l.Dropped > 10 || l.ByParity == 0 || l.RTT < 40 {
		t.Errorf("with parity, over a distance: %+v", l)
	}
}

// Where there is no camera, serve says so at once, as send does. An IP camera's refusal is on the page, until it gives
// pictures.
func TestE2EServeWithoutPictures(t *testing.T) {
	if cameras, _ := filepath.Glob("/dev/video*"); len(cameras) == 0 {
		server := udpcam(t, "serve", "--http", "127.0.0.1:0")
		server.says(t, "this machine has no camera")
		server.ends(t, 1)
	}
	var open atomic.Bool
	camera := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := r.BasicAuth(); !ok || !open.Load() {
			w.Header().Set("WWW-Authenticate", `Basic realm="camera"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "image/jpeg")
		w.Write(readFile(t, street(t, 5)[0]))
	}))
	t.Cleanup(camera.Close)
	address := strings.Replace(camera.URL, "http://", "http://me:wrong@", 1) + "/snapshot.jpg"
	url := udpcam(t, "serve", "--source", address, "--http", "127.0.0.1:0").url(t)
	b := browse(t, url, "")
	until(t, "the page says what is wrong", func() bool {
		text := evaluate[string](b, "document.querySelector('.notice')?.innerText ?? ''")
		return strings.Contains(text, "password") && !strings.Contains(text, "wrong@")
	})
	open.Store(true)
	until(t, "the page shows the picture", func() bool { return evaluate[bool](b, "!!document.querySelector('.tile.live')") })
}
