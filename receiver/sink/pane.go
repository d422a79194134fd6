package sink

import (
	"strings"
	"sync/atomic"
	"unicode"

	"udpcam/protocol"
)

// A screen is what a [Window] needs of a graphics library.
type screen interface {
	// view prepares a window with that title, which appears with its first picture. Any goroutine may call it.
	view(title string) view
	// events handles keys and clicks, and draws, for at most a few milliseconds. It returns the key pressed, or -1. Only
	// Run calls it.
	events() (key int)
	// close closes the screen, when all views are closed.
	close()
}

// A view is one window on a screen and the picture in it.
type view interface {
	// decode makes the picture that show will draw next, and reports whether it could. If not, the last one stays. The
	// pane's decoder calls it, while Run may call the others.
	decode(jpeg []byte) bool
	// show draws the picture decoded last. Only Run calls it, and the rest.
	show() error
	// visible reports whether the window, once shown, is still there: the user may have closed it.
	visible() bool
	// close removes the window and frees the picture. No decode is under way.
	close()
}

// A pane is one stream's place on the screen.
type pane struct {
	view   view
	next   chan protocol.Frame // the newest frame that is not decoded yet
	queued atomic.Bool         // whether Run has been told of the picture decoded last
	closed atomic.Bool         // whether the user has closed the window
	shown  bool                // whether the window has appeared; only Run knows it
}

func newPane(v view) *pane { return &pane{view: v, next: make(chan protocol.Frame, 1)} }

// put makes f the next frame to decode. It replaces a frame that still waits. Only one goroutine at a time calls it.
func (p *pane) put(f protocol.Frame) (skipped string) {
	if p.closed.Load() {
		return SkipHidden
	}
	select {
	case <-p.next:
		skipped = SkipOld
	default:
	}
	p.next <- f.Keep()
	return skipped
}

// decode decodes the frames of put until next is closed. It wakes Run through fresh, which has room for every pane.
func (p *pane) decode(fresh chan<- *pane, o Options) {
	for f := range p.next {
		reason := o.undecodable(f.JPEG)
		switch {
		case reason != "":
		case !p.view.decode(f.JPEG):
			reason = SkipDamaged
		case p.queued.Swap(true):
			reason = SkipOld
		default:
			fresh <- p
			continue
		}
		o.skip(reason)
	}
}

// show draws the newest picture. It draws nothing if the user has closed the window, because drawing would open it again.
func (p *pane) show() error {
	p.queued.Store(false)
	if p.closed.Load() {
		return nil
	}
	p.shown = true
	return p.view.show()
}

// isOpen looks whether the user has closed the window, and remembers it.
func (p *pane) isOpen() bool {
	if !p.closed.Load() && !p.view.visible() {
		p.closed.Store(true)
	}
	return !p.closed.Load()
}

// title is the title of a stream's window. The name comes from the network, so characters that cannot be printed are left
// out.
func title(f protocol.Frame) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(f.Stream, ""))
	text := "udpcam"
	if name != "" {
		text += ": " + name
	}
	if f.Sealed {
		text += " (sealed)"
	}
	return text
}
