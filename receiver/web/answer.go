package web

import (
	"context"
	"net"
	"net/http"
	"time"

	"udpcam/internal/guard"
)

// maxAnswers is how many requests are answered at once, not counting viewers. An answer takes milliseconds, unless its
// client does not read it. This stops such clients from holding the memory of thousands of answers.
const maxAnswers = 128

const tooManyViewers = "there are as many viewers as this server takes: try again later"

type viewerKeyType struct{}

// viewerOf returns the viewer that a request of this server belongs to.
func viewerOf(r *http.Request) *viewer { return r.Context().Value(viewerKeyType{}).(*viewer) }

// bounded lets a handler answer a request within bounds: in one of so many places, and the client has to take the answer
// within [Config.StallTimeout]. A handler that streams replaces these bounds by those of a viewer.
func (s *Server) bounded(w http.ResponseWriter, r *http.Request, handler http.HandlerFunc) {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	v := &viewer{address: guard.Household(r.RemoteAddr), control: http.NewResponseController(w), cancel: cancel}
	if r.ProtoMajor == 1 {
		v.under, _ = ctx.Value(connKey{}).(net.Conn)
	}
	v.waiting.Store(time.Now().UnixNano())
	v.timer = time.AfterFunc(s.config.StallTimeout, func() { v.late.Store(true); v.breakOff() })
	defer v.timer.Stop()
	if !s.answers.admit(v) {
		refuse(w, "this server has too many requests now: try again later")
		return
	}
	defer func() { v.all.dismiss(v) }()
	if r.ContentLength != 0 { // it need not wait for a body that does not come
		timeout := s.config.StallTimeout
		if r.Method != http.MethodPost {
			timeout = 0
		}
		v.control.SetReadDeadline(time.Now().Add(timeout))
	}
	r = r.WithContext(context.WithValue(ctx, viewerKeyType{}, v))
	handler(w, r)
	if !v.watching {
		v.settle(r)
	}
}

// mustTake sets how long the client may take over its answer from now on.
func (v *viewer) mustTake(timeout time.Duration) {
	v.waiting.Store(time.Now().UnixNano())
	v.timer.Reset(timeout)
}

// breakOff ends what is being written to the client, and discards what it has not taken. Without that, the kernel would go
// on trying after the connection is closed.
func (v *viewer) breakOff() {
	guard.DiscardUntaken(v.under)
	v.control.SetWriteDeadline(time.Now())
}

// settle waits until the client has taken its answer, if the connection ends with that.
func (v *viewer) settle(r *http.Request) {
	const lookAgain = 10 * time.Millisecond
	for r.Close && guard.Untaken(v.under) > 0 && r.Context().Err() == nil && !v.late.Load() {
		time.Sleep(lookAgain)
	}
	if v.late.Load() {
		v.all.stalled.Add(1)
	}
}

type connKey struct{}

// ConnContext bounds what the kernel holds for a connection that its client does not read. Serve does this by itself. A
// program that mounts s on a server of its own sets this as its [http.Server.ConnContext].
func (s *Server) ConnContext(ctx context.Context, conn net.Conn) context.Context {
	guard.LimitUnsent(conn, s.config.StallTimeout)
	return context.WithValue(ctx, connKey{}, conn)
}

// refuse answers that something is not available now.
func refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Retry-After", "5") // seconds
	http.Error(w, why, http.StatusServiceUnavailable)
}
