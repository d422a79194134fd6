package web

import (
	"fmt"
	"net"
	"net/http"
	"time"
)

// sharedOutlet writes through the HTTP server: the connection is not one viewer's alone, or there is something between.
type sharedOutlet struct {
	w       http.ResponseWriter
	control *http.ResponseController
	framing *framing
}

func newSharedOutlet(w http.ResponseWriter, control *http.ResponseController, f *framing,
	timeout time.Duration) (outlet, error) {

	control.SetWriteDeadline(time.Now().Add(timeout))
	if err := control.Flush(); err != nil {
		http.Error(w, "this server cannot stream", http.StatusInternalServerError)
		return nil, fmt.Errorf("web: the HTTP server, or a middleware, does not let a stream through: %w", err)
	}
	_, err := w.Write(f.opening)
	if err == nil {
		err = control.Flush()
	}
	if err != nil {
		return nil, fmt.Errorf("web: beginning the stream: %w", err)
	}
	return &sharedOutlet{w, control, f}, nil
}

func (o *sharedOutlet) write(p *part, deadline time.Time) (int64, error) {
	o.control.SetWriteDeadline(deadline) // where that is not supported, the server's own WriteTimeout has to do
	pieces, count := o.framing.pieces(p)
	buffers := net.Buffers(pieces[:count])
	n, err := buffers.WriteTo(o.w)
	if err != nil {
		return n, err
	}
	return n, o.control.Flush()
}

// alive knows nothing: the HTTP server ends the request's context when the viewer has left.
func (o *sharedOutlet) alive() bool { return true }

// abort leaves it to the server to close the connection.
func (o *sharedOutlet) abort() {}

func (o *sharedOutlet) close(bool) { o.control.SetWriteDeadline(time.Time{}) }
