package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
	"udpcam/receiver"
)

// A Way is how viewers watch a stream.
type Way struct {
	Name  string // for FindWay
	title string // in results
	serve string // the subcommand of udpcam with the flag for HOST:PORT
	// watch asks for the stream at HOST:PORT. The viewer ends when ctx does.
	watch func(ctx context.Context, client *http.Client, addr string) (viewer, error)
}

// Ways are all ways: that of other programs, that of the page, and that of udpcam recv --from.
var Ways = []Way{
	{"mjpeg", "HTTP MJPEG", "serve --http", watchMJPEG},
	{"socket", "WebSocket", "serve --http", watchSocket},
	{"udp", "subscribed", "send --listen", subscribe},
}

// FindWay returns a way by its name. The error wraps ErrName.
func FindWay(name string) (Way, error) {
	return find("way to watch", Ways, func(w Way) string { return w.Name }, name)
}

// A viewer is connected to a stream.
type viewer struct {
	// next waits for a whole picture. The caller may keep it.
	next  func() ([]byte, error)
	close func() error
}

// starting is how long a server may take to start, and viewers to connect.
const starting = 10 * time.Second

// connect returns a viewer as soon as the server answers. A viewer that is to stall has a tiny receive buffer.
func (w Way) connect(ctx context.Context, addr string, stall bool) (viewer, error) {
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if tcp, ok := conn.(*net.TCPConn); ok && stall {
			tcp.SetReadBuffer(4096)
		}
		return conn, err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial}}
	for end := time.Now().Add(starting); ; {
		v, err := w.watch(ctx, client, addr)
		if err == nil || time.Now().After(end) || ctx.Err() != nil {
			return v, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func watchMJPEG(ctx context.Context, client *http.Client, addr string) (v viewer, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/stream", nil)
	if err != nil {
		return v, err
	}
	response, err := client.Do(request)
	if err != nil {
		return v, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return v, errors.New(response.Status)
	}
	return viewer{mjpeg.NewReader(response.Body, mjpeg.ReaderOptions{}).Next, response.Body.Close}, nil
}

// watchSocket does on the WebSocket what the page does, except for drawing. receiver/web/message.go describes the messages.
func watchSocket(ctx context.Context, client *http.Client, addr string) (v viewer, err error) {
	//nolint:bodyclose // there is none
	conn, _, err := websocket.Dial(ctx, "ws://"+addr+"/socket", &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		return v, err
	}
	conn.SetReadLimit(-1)
	size := 0 // of the last message, bytes: the next will be about as large
	next := func() ([]byte, error) {
		_, r, err := conn.Reader(ctx)
		if err != nil {
			return nil, err
		}
		message := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
		if _, err := message.ReadFrom(r); err != nil {
			return nil, err
		}
		b := message.Bytes()
		size = len(b)
		if len(b) < 8 || b[0] != 1 || int(binary.BigEndian.Uint16(b[2:])) > len(b) {
			return nil, fmt.Errorf("a message that is no picture: % .24x", b)
		}
		drawn := [12]byte{1, 4: b[4], b[5], b[6], b[7]} // the picture's number; it took no time to draw
		if err := conn.Write(ctx, websocket.MessageBinary, drawn[:]); err != nil {
			return nil, err
		}
		return b[binary.BigEndian.Uint16(b[2:]):], nil
	}
	return viewer{next, conn.CloseNow}, nil
}

// subscribe subscribes to a sender.
func subscribe(ctx context.Context, _ *http.Client, addr string) (v viewer, err error) {
	r, err := receiver.Subscribe(ctx, receiver.Config{Log: slog.New(slog.DiscardHandler)}, addr)
	if err != nil {
		return v, err
	}
	ctx, end := context.WithCancel(ctx)
	frames, ended := make(chan []byte), make(chan error, 1)
	go func() {
		for f, err := range r.Frames(ctx) {
			if err != nil {
				ended <- err
				return
			}
			select {
			case frames <- bytes.Clone(f.JPEG):
			case <-ctx.Done():
			}
		}
		ended <- ctx.Err()
	}()
	v.next = func() ([]byte, error) {
		select {
		case f := <-frames:
			return f, nil
		case err := <-ended:
			return nil, err
		}
	}
	v.close = func() error {
		end()
		return r.Close()
	}
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		switch state := r.Subscriptions()[0].State; {
		case state == protocol.Subscribed, state == protocol.Receiving:
			return v, nil
		case time.Since(began) > starting, ctx.Err() != nil:
			v.close()
			return v, fmt.Errorf("the subscription to %s is %v", addr, state)
		}
	}
}

// freeAddress is an address at which nobody listens now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
