package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os"
	"time"

	"udpcam/bench/internal/browser"
	"udpcam/bench/internal/relay"
	"udpcam/internal/pattern"
	"udpcam/protocol/mjpeg"
	"udpcam/sender/source"
)

// A DelayTest measures how old a picture is at each stage between the camera and the screen. The camera is the test pattern,
// whose pixels contain the time of drawing. Sender and receiver are processes on this machine, so there is one clock. Their
// output is decoded to read that time.
type DelayTest struct {
	Udpcam string      // the command
	Size   image.Point // of the test pattern in pixels
	FPS    float64
	Frames int // to look at, at each stage
}

// settling is how many of the first pictures do not count.
const settling = 15

// The stages at which a picture is looked at, in their order.
const (
	stageEncoded = "drawn and encoded"
	stageProgram = "received, in the next program's hands"
	stageViewer  = "received by a viewer over HTTP"
	stageBrowser = "ready for the screen, in a browser"
)

// Measure implements Measurement. A missing browser becomes a note.
func (t *DelayTest) Measure(ctx context.Context, results *Results, progress Progress) error {
	add := func(stage string, delays []time.Duration) {
		row := Row{Link: "loopback", Stage: stage, FPS: t.FPS, Frames: len(delays)}
		row.delays(delays)
		results.Rows = append(results.Rows, row)
	}
	progress(0, 3, stageEncoded)
	encoded, err := t.encoded(ctx)
	if err != nil {
		return err
	}
	add(stageEncoded, encoded)

	progress(1, 3, stageViewer)
	http, err := freeAddress()
	if err != nil {
		return err
	}
	receiver := &relay.Process{Name: "receiver", Start: relay.Here,
		Command: []string{t.Udpcam, "recv", "--addr", http, "--http", http, "--out", "-"}}
	sender := &relay.Process{Name: "sender", Start: relay.Here,
		Command: []string{t.Udpcam, "send", "--addr", http, "--source", t.address()}}
	defer receiver.End()
	defer sender.End()
	if err := errors.Join(receiver.Begin(), sender.Begin()); err != nil {
		return err
	}
	program, viewer, err := t.received(ctx, receiver.Stdout, http)
	if err != nil {
		return err
	}
	add(stageProgram, program)
	add(stageViewer, viewer)

	progress(2, 3, stageBrowser)
	go io.Copy(io.Discard, receiver.Stdout) // so that it never blocks
	shown, err := t.shown(ctx, http)
	if errors.Is(err, browser.ErrNone) {
		results.note("browser: not measured: %v", err)
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	add(stageBrowser, shown)
	if path, err := browser.Find(); err == nil {
		results.Made.addVersion(path, "--version")
	}
	results.note("browser: pictures as Chromium had them ready for the screen, at its own time; without a screen or GPU it " +
		"draws at up to 60 a second, by the CPU, and shows fewer than there are while each is also handed to us")
	return ctx.Err()
}

// address is the test pattern as a source.
func (t *DelayTest) address() string {
	return fmt.Sprintf("test:?size=%dx%d&fps=%g", t.Size.X, t.Size.Y, t.FPS)
}

// encoded measures how long it takes to draw and encode a picture.
func (t *DelayTest) encoded(ctx context.Context) (delays []time.Duration, err error) {
	camera, err := source.Open(t.address(), source.Options{})
	if err != nil {
		return nil, err
	}
	for f, err := range camera.Frames(ctx) {
		if err != nil {
			return nil, err
		}
		if delays = append(delays, time.Since(f.Captured)); len(delays) == settling+t.Frames {
			return delays[settling:], nil
		}
	}
	return nil, ctx.Err()
}

// received measures how old the same pictures are at the receiver's standard output and at a viewer.
func (t *DelayTest) received(ctx context.Context, stdout *os.File, http string) (program, viewer []time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watching, err := Ways[0].connect(ctx, http, nil, false)
	if err != nil {
		return nil, nil, err
	}
	defer watching.close()
	defer context.AfterFunc(ctx, func() { stdout.SetReadDeadline(time.Unix(1, 0)) })()
	failed := make(chan error, 1)
	go func() {
		var err error
		viewer, err = t.stream(watching.next)
		failed <- err
	}()
	program, err = t.stream(mjpeg.NewReader(stdout, mjpeg.ReaderOptions{}).Next)
	return program, viewer, errors.Join(err, <-failed)
}

// stream collects all pictures of a stream and reads them afterwards, because decoding takes time.
func (t *DelayTest) stream(next func() ([]byte, error)) ([]time.Duration, error) {
	var shots []browser.Shot
	for range settling + t.Frames {
		picture, err := next()
		if err != nil {
			return nil, err
		}
		shots = append(shots, browser.Shot{At: time.Now(), JPEG: picture})
	}
	return ages(shots), nil
}

// shown measures how old pictures are when a browser shows them.
func (t *DelayTest) shown(ctx context.Context, http string) ([]time.Duration, error) {
	period := time.Duration(float64(settling+t.Frames) / t.FPS * float64(time.Second))
	ctx, cancel := context.WithTimeout(ctx, starting+period)
	defer cancel()
	var shots []browser.Shot
	err := browser.Watch(ctx, "http://"+http+"/", max(1000, t.Size.X+100), max(800, t.Size.Y+300), func(s browser.Shot) {
		if shots = append(shots, s); len(shots) == settling+t.Frames {
			cancel()
		}
	})
	return ages(shots), err
}

// ages reads from the pictures when they were drawn. If a picture was seen more than once, the first time counts.
func ages(shots []browser.Shot) (delays []time.Duration) {
	seen := map[uint32]bool{}
	for _, s := range shots[min(len(shots), settling):] {
		img, err := jpeg.Decode(bytes.NewReader(s.JPEG))
		if err != nil {
			continue
		}
		mark, err := pattern.Read(img)
		if err != nil || seen[mark.Number] {
			continue
		}
		seen[mark.Number] = true
		if delay := s.At.Sub(mark.Captured); delay > 0 {
			delays = append(delays, delay)
		}
	}
	return delays
}
