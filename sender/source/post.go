package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/net/netutil"
	"golang.org/x/time/rate"

	"udpcam/protocol"
)

const (
	// maxUploads is how many bodies are read at once; each holds one picture, of MaxFrameSize bytes at most. It stops
	// many posters from filling the memory together.
	maxUploads = 16
	// maxPosters is how many connections are held open. Further ones wait for one to close.
	maxPosters = 64
	// uploadTime is how long a picture may take to arrive. It stops clients that send a byte now and then.
	uploadTime = 30 * time.Second
	// handOverTime is how long a picture that has arrived waits for the caller of Frames to take it.
	handOverTime = 5 * time.Second
	// closingTime is how long the answers to the last pictures may take when the source is closed.
	closingTime = 500 * time.Millisecond
)

// An upload listens for pictures that cameras send it over HTTP, by POST or PUT. A body may be one picture, or a form
// (multipart/form-data). Of a form the first JPEG counts, in a field of any name. It may also have no end and bring one
// picture after the other, as ffmpeg's -method POST does. Each picture is a frame as soon as its last byte is there.
//
// post://:8081/ listens on every address, since the cameras are elsewhere on the network. Anyone who reaches the port can
// send pictures. Path "/" or none takes them on any path.
//
// Nothing is queued. A picture waits in its upload until the caller of Frames takes it. Only then is the answer 200, so a
// fast poster slows down to the caller. If the caller takes nothing for 5 s, the picture is dropped and the answer is 503.
type upload struct {
	address string
	path    string // "" takes any
	o       Options
	listen  func(ctx context.Context, network, address string) (net.Listener, error)
}

// newUpload returns the source for a URL like post://:8081/upload. rest is the part behind the scheme.
func newUpload(rest string, o Options) (Source, error) {
	u, err := url.Parse("post:" + rest)
	if err != nil || u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%w: %s; the form is post://:8081/PATH or post://ADDRESS:8081/PATH", ErrName,
			Redact("post:"+rest))
	}
	if _, err := strconv.ParseUint(u.Port(), 10, 16); err != nil {
		return nil, fmt.Errorf("%w: %s names no port from 0 to 65535; the form is post://:8081/PATH", ErrName,
			Redact("post:"+rest))
	}
	if u.Path == "/" {
		u.Path = ""
	}
	return &upload{u.Host, u.Path, o, new(net.ListenConfig).Listen}, nil
}

// OnDemand returns false: while nobody listens, pictures would be refused.
func (u *upload) OnDemand() bool { return false }

func (u *upload) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, u.o, u.play)
}

func (u *upload) play(ctx context.Context, emit emitter) error {
	l, err := u.listen(ctx, "tcp", u.address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("another program listens on %s already; stop it, or name another port: %w", u.address, err)
	} else if err != nil {
		return err
	}
	u.o.Log.Info("waiting for pictures to be posted", "address", l.Addr().String(), "path", cmp.Or(u.path, "any"))

	p := &posts{
		path:   u.path,
		o:      u.o,
		frames: make(chan protocol.Frame),
		slots:  make(chan struct{}, maxUploads),
		warn:   rate.Sometimes{Interval: time.Second},
	}
	var end context.CancelFunc
	p.ctx, end = context.WithCancel(ctx)
	server := &http.Server{
		Handler:           p,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(u.o.Log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(netutil.LimitListener(l, maxPosters)) }()
	defer p.close(server)
	defer end()

	for {
		select {
		case frame := <-p.frames:
			if err := emit(frame); err != nil {
				return err
			}
		case err := <-ended:
			return fmt.Errorf("listening on %s: %w", u.address, err)
		case <-ctx.Done():
			return errStopped
		}
	}
}
