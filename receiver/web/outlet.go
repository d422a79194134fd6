package web

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// An outlet is the way to one viewer. Of its methods only abort may be called while another runs.
type outlet interface {
	// write writes a part with what belongs before and behind it, and gives up at the deadline with
	// os.ErrDeadlineExceeded.
	write(p *part, deadline time.Time) (int64, error)
	// alive reports whether the viewer is still there, as far as can be told.
	alive() bool
	// abort makes write return, if that is in the outlet's power.
	abort()
	// close ends the response. What is still queued for a viewer that has stalled is discarded.
	close(stalled bool)
}

// newOutlet begins the response: its header is written, and what comes before the first picture, so that a viewer can
// make ready.
func newOutlet(w http.ResponseWriter, f *framing, timeout time.Duration) (outlet, error) {
	control := http.NewResponseController(w)
	conn, _, err := control.Hijack()
	switch {
	case errors.Is(err, http.ErrNotSupported):
		return newSharedOutlet(w, control, f, timeout)
	case err != nil:
		return nil, fmt.Errorf("web: taking over the connection: %w", err)
	}
	return newOwnOutlet(conn, w.Header(), f, timeout)
}
