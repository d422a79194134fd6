package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"udpcam/protocol/mjpeg"
)

// A Way is how viewers watch a stream.
type Way struct {
	Name  string // in a list of ways
	title string // in reports
	// watch asks for the stream at HOST:PORT. What it returns is over when ctx is.
	watch func(ctx context.Context, client *http.Client, addr string) (viewer, error)
}

// Ways are all of them: what programs ask for, and what the page does.
var Ways = []Way{
	{"mjpeg", "HTTP MJPEG", watchMJPEG},
	{"socket", "WebSocket", watchSocket},
}

// ErrWay is a way that there is not.
var ErrWay = errors.New("no such way to watch")

// FindWay returns a way by its name. The error is ErrWay, wrapped, with the names that there are.
func FindWay(name string) (Way, error) {
	var names []string
	for _, w := range Ways {
		if w.Name == name {
			return w, nil
		}
		names = append(names, w.Name)
	}
	return Way{}, fmt.Errorf("%w: %q: choose from %s", ErrWay, name, strings.Join(names, ", "))
}

// A viewer has asked for a stream, and been let in.
type viewer interface {
	// next waits until all of the next picture is there, and then takes it. It is the caller's.
	next() ([]byte, error)
	close()
}

// admitted is a viewer, once the server is there. One that is to stall has next to no room for what it does not take.
func (w Way) admitted(ctx context.Context, addr string, stall bool) (viewer, error) {
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

type mjpegViewer struct {
	body     io.Closer
	pictures *mjpeg.Reader
}

func watchMJPEG(ctx context.Context, client *http.Client, addr string) (viewer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/stream", nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, errors.New(response.Status)
	}
	return &mjpegViewer{response.Body, mjpeg.NewReader(response.Body, mjpeg.ReaderOptions{})}, nil
}

func (v *mjpegViewer) next() ([]byte, error) { return v.pictures.Next() }
func (v *mjpegViewer) close()                { v.body.Close() }

// A socketViewer does on the WebSocket what the page does, but for drawing; the messages stand in receiver/web/message.go.
type socketViewer struct {
	ctx  context.Context
	conn *websocket.Conn
	size int // of the last message, bytes
}

func watchSocket(ctx context.Context, client *http.Client, addr string) (viewer, error) {
	//nolint:bodyclose // there is none
	conn, _, err := websocket.Dial(ctx, "ws://"+addr+"/socket", &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1)
	return &socketViewer{ctx: ctx, conn: conn}, nil
}

func (v *socketViewer) next() ([]byte, error) {
	_, r, err := v.conn.Reader(v.ctx)
	if err != nil {
		return nil, err
	}
	message := bytes.NewBuffer(make([]byte, 0, v.size+bytes.MinRead))
	if _, err := message.ReadFrom(r); err != nil {
		return nil, err
	}
	b := message.Bytes()
	v.size = len(b)
	if len(b) < 8 || b[0] != 1 || int(binary.BigEndian.Uint16(b[2:])) > len(b) {
		return nil, fmt.Errorf("a message that is no picture: % .24x", b)
	}
	taken := [12]byte{1, 4: b[4], b[5], b[6], b[7]} // the picture's number, held for no time
	if err := v.conn.Write(v.ctx, websocket.MessageBinary, taken[:]); err != nil {
		return nil, err
	}
	return b[binary.BigEndian.Uint16(b[2:]):], nil
}

func (v *socketViewer) close() { v.conn.CloseNow() }
