package sink

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"udpcam/protocol"
)

var (
	// ErrNoWindow says that this program is built without OpenCV, and how to build it with it.
	ErrNoWindow = errors.New("a window needs OpenCV, and this program is built without it; on Debian: " +
		"apt-get install g++ pkg-config libopencv-dev && " +
		"go build -tags gocv,gocv_specific_modules,gocv_highgui,gocv_videoio ./cmd/udpcam")
	// ErrNoDisplay says that there is no screen to open a window on.
	ErrNoDisplay = errors.New("no display to open a window on")
)

const (
	// maxWindows is how many streams get a window. It stops a sender that invents stream names from covering the screen.
	maxWindows = 9
	// idle is how often the window looks for keys and clicks while no picture comes. Nobody notices 20 ms. This takes under
	// 2 % of a processor. Looking all the time takes 4 %, and pictures wait for 1 ms more on average.
	idle = 20 * time.Millisecond

	escape = 27 // the Esc key's code
)

// A Window shows the newest frame of every stream, each stream in a window of its own.
//
// Put gives a frame to its stream's pane. There it waits for the pane's decoder, unless a newer one replaces it. The
// decoded picture goes to Run, which draws. So a slow decoder or screen costs frames, never delay, and no stream waits for
// another's decoder. A Window is a [Sink], beside Run.
type Window struct {
	screen   screen
	o        Options
	fresh    chan *pane // panes with a picture to draw, each at most once
	stop     chan struct{}
	decoders sync.WaitGroup

	mu    sync.Mutex
	panes map[string]*pane
	ended bool
}

// NewWindow returns a Window, or [ErrNoWindow] or [ErrNoDisplay] if there can be none. Skip and MaxPixels are its only
// options. Nothing appears before the first picture.
func NewWindow(o Options) (*Window, error) {
	s, err := openScreen()
	if err != nil {
		return nil, err
	}
	return newWindow(s, o), nil
}

func newWindow(s screen, o Options) *Window {
	return &Window{screen: s, o: o, fresh: make(chan *pane, maxWindows), stop: make(chan struct{}), panes: map[string]*pane{}}
}

// Put hands f to its stream's window. It may be called from any goroutine and never blocks. Once Run has ended or the
// Window is closed it returns [ErrClosed].
func (w *Window) Put(f protocol.Frame) error {
	var skipped string
	defer func() { // when w.mu is free again
		if skipped != "" {
			w.o.skip(skipped)
		}
	}()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return ErrClosed
	}
	p, ok := w.panes[f.Stream]
	switch {
	case !ok && len(w.panes) == maxWindows:
		skipped = SkipStreams
		return nil
	case !ok:
		p = newPane(w.screen.view(title(f)))
		w.panes[f.Stream] = p
		w.decoders.Go(func() { p.decode(w.fresh, w.o) })
	}
	skipped = p.put(f)
	return nil
}

// Close ends Run. It may be called from any goroutine, and without Run.
func (w *Window) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return nil
	}
	w.ended = true
	close(w.stop)
	for _, p := range w.panes {
		close(p.next)
	}
	return nil
}

// Run shows what Put brings, until q or Esc is pressed, the last window is closed, ctx is done or Close is called. Then it
// returns nil. Call it once, and from the main goroutine: macOS draws only from the process's main thread, and this package
// keeps the main goroutine there.
func (w *Window) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer w.end()
	look := time.NewTicker(idle)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.stop:
			return nil
		case p := <-w.fresh:
			if err := w.show(p); err != nil {
				return err
			}
		case <-look.C:
		}
		switch w.screen.events() {
		case 'q', 'Q', escape:
			return nil
		}
		if w.allClosed() {
			return nil
		}
	}
}

// show draws the new picture of p and of every other pane that has one. It draws all together because handling the events
// takes 2 ms.
func (w *Window) show(p *pane) error {
	for range len(w.fresh) {
		if err := p.show(); err != nil {
			return err
		}
		p = <-w.fresh
	}
	return p.show()
}

// allClosed reports whether there were windows and the user has closed them all.
func (w *Window) allClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	shown, open := false, false
	for _, p := range w.panes {
		if p.shown {
			shown, open = true, p.isOpen() || open
		}
	}
	return shown && !open
}

// end closes w and frees what it has on the screen and in memory.
func (w *Window) end() {
	w.Close()
	w.decoders.Wait()
	for _, p := range w.panes {
		p.view.close()
	}
	w.screen.close()
}
