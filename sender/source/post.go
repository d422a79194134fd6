package source

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"udpcam/internal/guard"
	"udpcam/protocol"
)

const (
	// uploadTime is how long a picture may take to arrive. It stops clients that send a byte now and then.
	uploadTime = 30 * time.Second
	// handOverTime is how long a picture that has arrived waits for the caller of Frames to take it.
	handOverTime = 5 * time.Second
)

// An upload listens for pictures that cameras send it over HTTP, by POST or PUT. A body may be one picture, or a form
// (multipart/form-data). Of a form the first JPEG counts, in a field of any name. It may also have no end and bring one
// picture after the other, as ffmpeg's -method POST does. Each picture is a frame as soon as its last byte is there.
//
// post://:8081/ takes pictures from this machine alone, post://0.0.0.0:8081/ from the network. Path "/" or none takes them
// on any path. Who may post is for Options.AllowHosts, Password and Token to say. Package guard bounds what strangers cost.
//
// Nothing is queued. A picture waits in its upload until the caller of Frames takes it. Only then is the answer 200, so a
// fast poster slows down to the caller. If the caller takes nothing for 5 s, the picture is dropped and the answer is 503.
type upload struct {
	address string
	path    string // "" takes any
	o       Options
	listen  func(ctx context.Context, address string) (net.Listener, error)
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
	address, err := guard.ListenAddr(u.Host)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrName, err)
	}
	if u.Path == "/" {
		u.Path = ""
	}
	return &upload{address, u.Path, o, guard.Listen}, nil
}

// OnDemand returns false: while nobody listens, pictures would be refused.
func (u *upload) OnDemand() bool { return false }

func (u *upload) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return frames(ctx, u.o, u.play)
}

func (u *upload) play(ctx context.Context, emit emitter) error {
	l, err := u.listen(ctx, u.address)
	if err != nil {
		return err
	}
	rules := guard.Rules{AllowHosts: u.o.AllowHosts, User: u.o.User, Password: u.o.Password, Token: u.o.Token}
	address, exposed := guard.Exposed(u.address, l)
	from := "this machine alone"
	if exposed {
		from = "the network"
	}
	u.o.Log.Info("waiting for pictures to be posted", "address", address, "path", cmp.Or(u.path, "any"), "from", from)
	if exposed && !rules.Secret() {
		u.o.Log.Warn("everyone on the network can post pictures: ask for a password or a token (--auth, --token)",
			"address", address)
	}

	p := &posts{path: u.path, o: u.o, gate: guard.NewGate(rules), frames: make(chan protocol.Frame),
		turns: map[string]*turn{}, warn: map[int]*rate.Sometimes{}}
	lenient := lenientListener{l, func(from net.Addr, status int, why string) { p.refused(from.String(), status, why) }}
	serving, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- guard.Serve(serving, lenient, p, u.o.Log) }()
	defer func() { end(); <-ended }()

	for {
		select {
		case frame := <-p.frames:
			if err := emit(frame); err != nil {
				return err
			}
		case err := <-ended:
			ended <- nil
			return fmt.Errorf("listening on %s: %w", u.address, err)
		case <-ctx.Done():
			return errStopped
		}
	}
}
