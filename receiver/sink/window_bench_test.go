//go:build gocv && linux

package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/image/draw"

	"udpcam/protocol"
)

func init() { helpers["measure window"] = measureWindow }

// figures are what one run of a window at 30 frames a second costs.
type figures struct {
	P50, P99 float64 // from Put until IMShow has returned, in milliseconds
	CPU      float64 // of one processor, in percent
	Shown    int
}

// timedScreen notes when a picture has been shown.
type timedScreen struct {
	screen
	shown func()
}

type timedView struct {
	view
	shown func()
}

func (s timedScreen) view(title string) view { return timedView{s.screen.view(title), s.shown} }

func (v timedView) show() error {
	defer v.shown()
	return v.view.show()
}

// measureWindow shows the picture on standard input, height $HEIGHT, at 30 frames a second for 10 s, or no picture but
// the first.
func measureWindow() {
	height, _ := strconv.Atoi(os.Getenv("HEIGHT"))
	frames, _ := strconv.Atoi(os.Getenv("FRAMES"))
	source, err := jpeg.Decode(os.Stdin)
	if err != nil {
		panic(err)
	}
	scaled := image.NewRGBA(image.Rect(0, 0, height*16/9, height))
	draw.ApproxBiLinear.Scale(scaled, scaled.Rect, source, source.Bounds(), draw.Src, nil)
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, scaled, &jpeg.Options{Quality: 80}); err != nil {
		panic(err)
	}

	gui, err := openScreen()
	if err != nil {
		panic(err)
	}
	var put time.Time
	delays := make(chan time.Duration, 1000)
	w := newWindow(timedScreen{gui, func() { delays <- time.Since(put) }}, Options{})
	var before, after syscall.Rusage
	go func() {
		for i := range frames + 1 {
			if i == 1 { // the first opens the window
				<-delays
				time.Sleep(time.Second)
				syscall.Getrusage(syscall.RUSAGE_SELF, &before)
			}
			put = time.Now()
			w.Put(protocol.Frame{JPEG: picture.Bytes()})
			time.Sleep(time.Second / 30)
		}
		if frames == 0 {
			<-delays
			time.Sleep(time.Second)
			syscall.Getrusage(syscall.RUSAGE_SELF, &before)
			time.Sleep(10 * time.Second)
		}
		syscall.Getrusage(syscall.RUSAGE_SELF, &after)
		w.Close()
	}()
	if err := w.Run(context.Background()); err != nil {
		panic(err)
	}
	var ms []float64
	for range len(delays) {
		ms = append(ms, (<-delays).Seconds()*1e3)
	}
	slices.Sort(ms)
	spent := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	f := figures{CPU: spent.Seconds() * 10, Shown: len(ms)}
	if len(ms) > 0 {
		f.P50, f.P99 = ms[len(ms)/2], ms[len(ms)*99/100]
	}
	json.NewEncoder(os.Stdout).Encode(f)
}

// BenchmarkWindow tells what a window costs; run it with -benchtime 1x.
func BenchmarkWindow(b *testing.B) {
	display := xvfb(b)
	for _, run := range []struct{ height, frames int }{{720, 0}, {720, 300}, {1080, 300}} {
		b.Run(fmt.Sprintf("%dp/%dframes", run.height, run.frames), func(b *testing.B) {
			for range b.N {
				cmd := helper(b, "measure window")
				cmd.Env = append(cmd.Env, "DISPLAY="+display, fmt.Sprint("HEIGHT=", run.height), fmt.Sprint("FRAMES=", run.frames))
				cmd.Stdin = bytes.NewReader(street(b, "1"))
				cmd.Stderr = os.Stderr
				out, err := cmd.Output()
				if err != nil {
					b.Fatal(err)
				}
				var f figures
				if err := json.Unmarshal(out, &f); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(f.P50, "p50-ms")
				b.ReportMetric(f.P99, "p99-ms")
				b.ReportMetric(f.CPU, "%CPU")
				b.ReportMetric(float64(f.Shown), "shown")
			}
		})
	}
}
