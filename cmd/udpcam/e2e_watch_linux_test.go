package main_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"udpcam/protocol/mjpeg"
)

// A numbered camera is a sender to whose standard input the test writes pictures, as a camera would. Each picture has a
// number, which grows even when the sender is started again. So whoever sees a picture knows which it is, and whether a byte
// is wrong.
type numberedCamera struct {
	name string
	at   machine
	args []string
	base []byte  // all but the comment
	rate float64 // pictures a second

	mu    sync.Mutex
	fed   []time.Time // when picture i was written, zero if there was no sender
	stdin io.WriteCloser
	p     *process
	stop  func() // ends the camera for good
}

const (
	cameraRate = 30. // pictures a second, usually
	cameraMark = "udpcam test picture "
)

// newNumberedCamera starts a camera on a machine that sends to these addresses.
func newNumberedCamera(t *testing.T, at machine, name string, picture []byte, rate float64, to ...string) *numberedCamera {
	t.Helper()
	c := &numberedCamera{name: name, at: at, base: picture, rate: rate,
		args: []string{"send", "--source", "-", "--name", name, "--json"}}
	for _, addr := range to {
		c.args = append(c.args, "--addr", addr)
	}
	c.start(t)
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		c.film(ctx)
	}()
	c.stop = func() {
		cancel()
		c.kill()
		<-stopped
	}
	t.Cleanup(c.stop)
	return c
}

// start starts the sender, which must not run.
func (c *numberedCamera) start(t *testing.T) {
	t.Helper()
	cmd := c.at.command(append([]string{udpcamCommand(t).Path}, c.args...)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, cmd)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stdin, c.p = stdin, p
}

// kill ends the sender as a power cut does.
func (c *numberedCamera) kill() {
	c.mu.Lock()
	p := c.p
	c.mu.Unlock()
	p.kill()
}

// film writes pictures until ctx ends.
func (c *numberedCamera) film(ctx context.Context) {
	tick := time.NewTicker(time.Duration(float64(time.Second) / c.rate))
	defer tick.Stop()
	for ctx.Err() == nil {
		<-tick.C
		c.mu.Lock()
		stdin, n := c.stdin, len(c.fed)
		c.fed = append(c.fed, time.Now())
		c.mu.Unlock()
		if _, err := stdin.Write(c.picture(n)); err != nil {
			c.mu.Lock()
			c.fed[n] = time.Time{}
			c.mu.Unlock()
		}
	}
}

// picture is the picture of that number.
func (c *numberedCamera) picture(n int) []byte {
	return withComment(c.base, binary.BigEndian.AppendUint64([]byte(cameraMark+c.name+" "), uint64(n)))
}

// number returns the number of a picture, -1 if it is not this camera's, and whether it is damaged.
func (c *numberedCamera) number(picture []byte) (n int, damaged bool) {
	at := bytes.Index(picture[:min(len(picture), 64)], []byte(cameraMark+c.name+" "))
	end := at + len(cameraMark) + len(c.name) + 1
	if at < 0 || len(picture) < end+8 {
		return -1, bytes.Contains(picture, []byte(cameraMark))
	}
	n = int(binary.BigEndian.Uint64(picture[end:]))
	return n, !bytes.Equal(picture, c.picture(n))
}

// A watcher looks at the pictures of one camera in one place.
type watcher struct {
	where string // in words
	of    *numberedCamera

	mu                          sync.Mutex
	seen                        map[int]bool
	last                        int
	damaged, backwards, foreign int
	example                     string // the first thing that was wrong
	came                        time.Time
	arrivals                    []sighting
}

// A sighting is a picture that a watcher has seen in its order.
type sighting struct {
	n  int
	at time.Time
}

func newWatcher(of *numberedCamera, where string) *watcher {
	return &watcher{where: where, of: of, seen: map[int]bool{}, last: -1}
}

func (w *watcher) see(picture []byte) {
	n, damaged := w.of.number(picture)
	w.mu.Lock()
	defer w.mu.Unlock()
	wrong := ""
	switch {
	case damaged:
		w.damaged++
		wrong = fmt.Sprintf("picture of %d bytes after %d is damaged", len(picture), w.last)
	case n < 0:
		w.foreign++
	case n <= w.last:
		w.backwards++
		wrong = fmt.Sprintf("picture %d comes after %d", n, w.last)
	default:
		w.last, w.seen[n], w.came = n, true, time.Now()
		w.arrivals = append(w.arrivals, sighting{n, w.came})
	}
	if w.example == "" {
		w.example = wrong
	}
}

func (w *watcher) newest() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// lost counts the pictures that were fed between two times, and those of them that none of the watchers has seen. If counts
// is not nil, it says which times count.
func lost(of *numberedCamera, from, to time.Time, counts func(time.Time) bool, watchers ...*watcher) (fed, missing int) {
	of.mu.Lock()
	times := append([]time.Time(nil), of.fed...)
	of.mu.Unlock()
	for n, at := range times {
		if at.Before(from) || at.After(to) || counts != nil && !counts(at) {
			continue
		}
		fed++
		found := false
		for _, w := range watchers {
			w.mu.Lock()
			found = found || w.seen[n]
			w.mu.Unlock()
		}
		if !found {
			missing++
		}
	}
	return fed, missing
}

// A site is an HTTP server on one of the machines, and the machine from which it is looked at.
type site struct {
	from machine
	host string // address and port
}

func (s site) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return s.from.dial("", s.host) }}}
}

// login is that of all receivers in these tests.
const login = "me:secret"

// request is for a path of the site, with the right password.
func (s site) request(ctx context.Context, path string) *http.Request {
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.host+path, nil)
	user, password, _ := strings.Cut(login, ":")
	r.SetBasicAuth(user, password)
	return r
}

// get returns what a path answers.
func (s site) get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return answer(s.client().Do(s.request(ctx, path)))
}

// mjpeg watches the camera's MJPEG stream until ctx ends. It comes back whenever it is sent away.
func (w *watcher) mjpeg(ctx context.Context, s site) {
	for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		resp, err := s.client().Do(s.request(ctx, "/streams/"+w.of.name+"/stream"))
		if err != nil {
			continue
		}
		w.read(resp.Body)
		resp.Body.Close()
	}
}

// read watches JPEGs one after another until there are no more.
func (w *watcher) read(from io.Reader) {
	for pictures := mjpeg.NewReader(from, mjpeg.ReaderOptions{}); ; {
		picture, err := pictures.Next()
		if err != nil {
			return
		}
		w.see(picture)
	}
}

// socket watches the camera as the page does, by a WebSocket, until ctx ends. It comes back whenever it is sent away.
func (w *watcher) socket(ctx context.Context, s site) {
	for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		conn, _, err := websocket.Dial(ctx, "ws://"+s.host+"/streams/"+w.of.name+"/socket",
			&websocket.DialOptions{HTTPClient: s.client(), HTTPHeader: s.request(ctx, "/").Header})
		if err != nil {
			continue
		}
		conn.SetReadLimit(1 << 24)
		for {
			kind, message, err := conn.Read(ctx)
			if err != nil || kind != websocket.MessageBinary || len(message) < 24 {
				break
			}
			if message[0] != 1 { // a picture: see receiver/web/page_message.go
				continue
			}
			w.see(message[binary.BigEndian.Uint16(message[2:]):])
			taken := append([]byte{1, 0, 0, 0}, message[4:8]...)
			conn.Write(ctx, websocket.MessageBinary, append(taken, 0, 0, 0, 0))
		}
		conn.CloseNow()
	}
}

// stdout lets the watcher read the standard output of a command that is not started yet.
func (w *watcher) stdout(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	r, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	go w.read(r)
}
