package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"udpcam/internal/datachannel"
	"udpcam/internal/netns"
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

// Ways are all ways: that of other programs, the two of the page, and that of udpcam recv --from.
var Ways = []Way{
	{"mjpeg", "HTTP MJPEG", "serve --http", watchMJPEG},
	{"socket", "WebSocket", "serve --http", watchSocket},
	{"datagrams", "data channel", "serve --http", watchDatagrams},
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

// connect returns a viewer as soon as the server answers. The viewer is on a machine, or on this one if that is nil. One that
// is to stall has a tiny receive buffer.
func (w Way) connect(ctx context.Context, addr string, machine *netns.Namespace, stall bool) (v viewer, err error) {
	on := func(f func() error) error { return f() }
	if machine != nil {
		on = machine.Do
	}
	dial := func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
		err = on(func() (err error) {
			conn, err = (&net.Dialer{}).DialContext(ctx, network, addr)
			return err
		})
		if tcp, ok := conn.(*net.TCPConn); ok && stall {
			tcp.SetReadBuffer(4096)
		}
		return conn, err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial}}
	for end := time.Now().Add(starting); ; {
		err := on(func() (err error) {
			v, err = w.watch(ctx, client, addr)
			return err
		})
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
	return receiving(ctx, r)
}

// watchDatagrams does on a data channel what the page does, except for drawing.
func watchDatagrams(ctx context.Context, client *http.Client, addr string) (v viewer, err error) {
	channel, err := datachannel.Dial(ctx, func(offer []byte) ([]byte, error) {
		return post(ctx, client, "http://"+addr+"/datagrams", offer)
	})
	if err != nil {
		return v, err
	}
	r := receiver.NewSubscriber(receiver.Config{Log: slog.New(slog.DiscardHandler)}, channel)
	if err := r.Subscribe(ctx, receiver.Subscription{Addr: addr}); err != nil {
		r.Close()
		return v, err
	}
	return receiving(ctx, r)
}

// post posts something to a server, and returns its answer.
func post(ctx context.Context, client *http.Client, url string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	return io.ReadAll(response.Body)
}

// receiving returns a viewer of what a receiver gets, as soon as it is subscribed.
func receiving(ctx context.Context, r *receiver.Receiver) (v viewer, err error) {
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
		case state == protocol.Subscribed, state == protocol.Receiving, state == protocol.NoStream: // it begins when pictures come
			return v, nil
		case time.Since(began) > starting, ctx.Err() != nil:
			v.close()
			return v, fmt.Errorf("the subscription is %v", state)
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
