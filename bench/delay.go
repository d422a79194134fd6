package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"sync"
	"time"

	"udpcam/bench/internal/browser"
	"udpcam/bench/internal/relay"
	"udpcam/internal/pattern"
	"udpcam/protocol/mjpeg"
	"udpcam/sender/source"
)

// A DelayTest measures how old a picture is at each stage between the camera and the screen. The camera is the test pattern,
// whose pixels contain the time of drawing. Sender and receiver are processes on this machine, so there is one clock. Their output
// is decoded to read that time.
type DelayTest struct {
	Udpcam string      // the command
	Size   image.Point // of the test pattern in pixels
	FPS    float64
	Frames int
}

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
		if delays != nil {
			row := Row{Link: "loopback", Stage: stage, FPS: t.FPS, Frames: len(delays)}
			row.delays(delays)
			results.Rows = append(results.Rows, row)
		}
	}
	progress(0, 3, stageEncoded)
	encoded, err := t.encoded(ctx)
	if err != nil {
		return err
	}
	add(stageEncoded, encoded)
	d, err := newDelayed(t)
	if err != nil {
		return err
	}
	defer d.end()
	progress(1, 3, stageViewer)
	program, viewer, err := d.received(ctx)
	if err != nil {
		return err
	}
	add(stageProgram, program)
	add(stageViewer, viewer)
	progress(2, 3, stageBrowser)
	shown, err := d.browser(ctx)
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

// A delayed is a sender and a receiver, each a process.
type delayed struct {
	*DelayTest
	http             string
	sender, receiver *relay.Process
}

func newDelayed(t *DelayTest) (d *delayed, err error) {
	d = &delayed{DelayTest: t}
	if d.http, err = freeAddress(); err != nil {
		return nil, err
	}
	d.receiver = &relay.Process{Name: "receiver", Command: []string{t.Udpcam, "recv", "--addr", d.http, "--http", d.http, "--out", "-"}, Start: relay.Here}
	d.sender = &relay.Process{Name: "sender", Command: []string{t.Udpcam, "send", "--addr", d.http, "--source", t.address()}, Start: relay.Here}
	if err := errors.Join(d.receiver.Begin(), d.sender.Begin()); err != nil {
		d.end()
		return nil, err
	}
	return d, nil
}

func (d *delayed) end() {
	d.sender.End()
	d.receiver.End()
}

// A sighting is a picture that was seen at a time.
type sighting struct {
	at   time.Time
	jpeg []byte
}

// settling is how many of the first pictures do not count.
const settling = 15

// read reads from the pictures when they were drawn. If a picture was seen more than once, the first time counts.
func read(sightings []sighting) (delays []time.Duration) {
	seen := map[uint32]bool{}
	for _, s := range sightings {
		img, err := jpeg.Decode(bytes.NewReader(s.jpeg))
		if err != nil {
			continue
		}
		if mark, err := pattern.Read(img); err == nil && !seen[mark.Number] {
			seen[mark.Number] = true
			if delay := s.at.Sub(mark.Captured); delay > 0 {
				delays = append(delays, delay)
			}
		}
	}
	return delays
}

// stream collects all pictures of a stream and reads them afterwards, because decoding takes time.
func (d *delayed) stream(next func() ([]byte, error)) ([]time.Duration, error) {
	var sightings []sighting
	for i := 0; i < settling+d.Frames; i++ {
		picture, err := next()
		if err != nil {
			return nil, err
		}
		if i >= settling {
			sightings = append(sightings, sighting{time.Now(), picture})
		}
	}
	return read(sightings), nil
}

// received measures how old pictures are at the receiver's standard output and at a viewer, for the same pictures at once.
// Afterwards the output is still read, so that it never blocks.
func (d *delayed) received(ctx context.Context) (program, viewer []time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watching, err := Ways[0].connect(ctx, d.http, false)
	if err != nil {
		return nil, nil, err
	}
	defer watching.close()
	defer context.AfterFunc(ctx, func() { d.receiver.Stdout.SetReadDeadline(time.Unix(1, 0)) })()
	failed := make(chan error, 1)
	go func() {
		var err error
		viewer, err = d.stream(watching.next)
		failed <- err
	}()
	program, err = d.stream(mjpeg.NewReader(d.receiver.Stdout, mjpeg.ReaderOptions{}).Next)
	err = errors.Join(err, <-failed)
	go io.Copy(io.Discard, d.receiver.Stdout)
	return program, viewer, err
}

// browser measures how old pictures are when a browser shows them.
func (d *delayed) browser(ctx context.Context) ([]time.Duration, error) {
	period := time.Duration(float64(settling+d.Frames) / d.FPS * float64(time.Second))
	ctx, cancel := context.WithTimeout(ctx, starting+period)
	defer cancel()
	var mu sync.Mutex
	var sightings []sighting
	err := browser.Watch(ctx, "http://"+d.http+"/", max(1000, d.Size.X+100), max(800, d.Size.Y+300), func(s browser.Shot) {
		mu.Lock()
		defer mu.Unlock()
		sightings = append(sightings, sighting{s.At, s.JPEG})
		if len(sightings) == settling+d.Frames {
			cancel()
		}
	})
	mu.Lock()
	defer mu.Unlock()
	return read(sightings[min(len(sightings), settling):]), err
}
