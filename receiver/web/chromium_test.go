package web

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// chromium returns a command that opens a page in Chromium, in a window of the given size ("1000,800").
func chromium(ctx context.Context, t *testing.T, url, size string, args ...string) *exec.Cmd {
	t.Helper()
	//nolint:usetesting // t.TempDir fails if what is left of the browser still writes there
	dir, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			args = append(args, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
				"--disable-background-networking", "--disable-component-update", "--disable-sync",
				"--user-data-dir="+dir, "--window-size="+size, url)
			cmd := exec.CommandContext(ctx, path, args...)
			cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it ends its children
			cmd.WaitDelay = hang
			return cmd
		}
	}
	t.Skip("Chromium is not installed")
	return nil
}

// screenshot returns what a window of the given size shows of a page.
func screenshot(t *testing.T, url, size string) image.Image {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	file := filepath.Join(t.TempDir(), "page.png")
	if out, err := chromium(ctx, t, url, size, "--timeout=5000", "--screenshot="+file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if keep := os.Getenv("UDPCAM_SCREENSHOTS"); keep != "" { // a directory, for people to look at
		name := strings.NewReplacer("/", "_", ",", "x").Replace(t.Name()) + ".png"
		if err := os.WriteFile(filepath.Join(keep, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// shown returns where a picture of 768 × 576 is in a screenshot of the page: as large as fits above the bar.
func shown(t *testing.T, page image.Image) image.Rectangle {
	t.Helper()
	bar := color.RGBA{0x0b, 0x0c, 0x0e, 0xff}
	width, height := page.Bounds().Dx(), 0
	for height < page.Bounds().Dy() && color.RGBAModel.Convert(page.At(1, height)) != bar {
		height++
	}
	if height == page.Bounds().Dy() {
		t.Fatal("there is no bar")
	}
	w, h := width, width*576/768
	if h > height {
		w, h = height*768/576, height
	}
	return image.Rect(0, 0, w, h).Add(image.Pt((width-w)/2, (height-h)/2))
}

// differs returns how far a picture and its place in a screenshot are apart: the mean of the differences of the
// brightness of 12 × 9 areas, of 255. dim is what the picture is multiplied with before.
func differs(page image.Image, at image.Rectangle, picture image.Image, dim float64) float64 {
	const nx, ny = 12, 9
	area := func(r image.Rectangle, x, y int) image.Rectangle {
		w, h := r.Dx(), r.Dy()
		return image.Rect(w*x/nx, h*y/ny, w*(x+1)/nx, h*(y+1)/ny).Add(r.Min).Inset(2)
	}
	var sum float64
	for y := range ny {
		for x := range nx {
			d := brightness(page, area(at, x, y)) - dim*brightness(picture, area(picture.Bounds(), x, y))
			sum += max(d, -d)
		}
	}
	return sum / (nx * ny)
}

func brightness(img image.Image, r image.Rectangle) float64 {
	sum := 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			sum += int(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
		}
	}
	return float64(sum) / float64(r.Dx()*r.Dy())
}

// The page shows the picture as soon as there is one, and dims it when the stream is quiet, on a desk and on a phone.
// One picture is all that comes, so that one which the browser keeps back until the next is not seen.
func TestPageInChromium(t *testing.T) {
	data := picture(t, 1)
	want, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		quiet time.Duration
		dim   float64
	}{
		{"live", time.Hour, 1},
		{"quiet", time.Nanosecond, .4},
	} {
		for _, size := range []string{"1000,800", "500,900"} {
			t.Run(test.name+"_"+size, func(t *testing.T) {
				h := New(quiet(Config{QuietAfter: test.quiet}))
				addr := serve(t, h)
				f := frame(0, data)
				f.Stream = "front door"
				h.Put(f)
				var got float64
				for range 3 { // the screenshot may come before the page has asked how the stream does
					page := screenshot(t, "http://"+addr+"/", size)
					if got = differs(page, shown(t, page), want, test.dim); got < 6 {
						return
					}
				}
				t.Errorf("the page differs from the picture by %.1f of 255", got)
			})
		}
	}
}

// A browser does not tell the page that its stream has broken. The page finds out, and connects again.
func TestPageConnectsAgain(t *testing.T) {
	h := New(quiet(Config{}))
	addr := serve(t, h)
	play(t, h, picture(t, 5))
	ctx, cancel := context.WithCancel(t.Context())
	const stay = "--remote-debugging-port=0" // without which it would end at once
	browser := chromium(ctx, t, "http://"+addr+"/", "500,500", stay)
	if err := browser.Start(); err != nil {
		t.Fatal(err)
	}
	defer browser.Wait()
	defer cancel()
	eventually(t, "the page has come", func() bool { return h.Stats().FramesOut > 0 })
	func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for v := range h.viewers {
			v.outlet.abort()
		}
	}()
	eventually(t, "the page has come again", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.viewers) == 1 && h.lastID == 2
	})
}
