package web

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// serverProcess is an environment variable that makes the tests' program a server, which a test can stop and kill. It holds
// the addresses to serve at: as it is, without WebSockets, and for a browser of 2021.
const serverProcess = "UDPCAM_TEST_SERVER"

// runServer serves, as lines on standard input order: "NAMES FPS" plays the streams of these names (by comma), "old NAMES
// SECONDS" puts a picture for each that is so old.
func runServer() {
	h := New(quiet(Config{Hints: hints}))
	handlers := []http.Handler{h, blockSockets(h), asIn2021(h)}
	addresses := strings.Split(os.Getenv(serverProcess), ",")
	for i, address := range addresses {
		ln, err := net.Listen("tcp", address)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		addresses[i] = ln.Addr().String()
		server := &http.Server{Handler: handlers[i], ConnContext: h.ConnContext}
		go server.Serve(ln)
	}
	fmt.Println(strings.Join(addresses, ","))
	pictures := [2][]byte{}
	for i := range pictures {
		data, err := os.ReadFile(fmt.Sprintf("../../protocol/mjpeg/testdata/street/%d.jpg", i+1))
		if err != nil {
			panic(err)
		}
		pictures[i] = data
	}
	var turn atomic.Int64
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		mine := turn.Add(1)
		var names string
		var fps, seconds float64
		if n, _ := fmt.Sscanf(orders.Text(), "old %s %g", &names, &seconds); n == 2 {
			for name := range strings.SplitSeq(names, ",") {
				putOld(h, name, pictures[0], time.Duration(seconds*float64(time.Second)))
			}
		} else if n, _ := fmt.Sscanf(orders.Text(), "%s %g", &names, &fps); n == 2 && fps > 0 {
			go func() {
				for i := 0; turn.Load() == mine; i++ {
					for name := range strings.SplitSeq(names, ",") {
						put(h, name, pictures[i%len(pictures)])
					}
					time.Sleep(time.Duration(float64(time.Second) / fps))
				}
			}()
		}
	}
}

// putOld puts a picture that came some time ago.
func putOld(h *Server, name string, data []byte, age time.Duration) {
	f := frame(0, data)
	f.Stream, f.Captured = name, time.Now().Add(-age)
	p := h.newPart(f)
	p.came = f.Captured
	p.render()
	h.streams.put(p, nil)
}

// blockSockets is a proxy that blocks WebSockets, as some do.
func blockSockets(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/socket") {
			http.Error(w, "upgrades are not for us", http.StatusBadRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// lackOf2021 takes away what browsers such as Safari 14 do not have, before the page's scripts run.
const lackOf2021 = `
delete AbortSignal.timeout;
delete AbortSignal.any;
for (const name of ['OffscreenCanvas', 'createImageBitmap', 'structuredClone', 'ImageDecoder']) delete window[name];
delete HTMLCanvasElement.prototype.transferControlToOffscreen;
delete DataView.prototype.getBigUint64;
for (const name of ['at', 'findLast', 'toSorted', 'with']) delete Array.prototype[name];
delete Object.hasOwn;
delete String.prototype.at;
Object.defineProperty(performance, 'timeOrigin', { value: undefined });
for (const name of ['requestFullscreen', 'checkVisibility']) delete Element.prototype[name];
window.lacks = true;
`

// asIn2021 serves the page with a script in front of its own that makes a browser an older one.
func asIn2021(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/static/older.js" {
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, lackOf2021)
			return
		}
		if r.URL.Path != "/" {
			h.ServeHTTP(w, r)
			return
		}
		r = r.Clone(r.Context())
		r.Header.Del("Accept-Encoding")
		h.ServeHTTP(&inserting{w}, r)
	})
}

// inserting inserts a script into the page.
type inserting struct{ http.ResponseWriter }

func (i *inserting) Write(b []byte) (int, error) {
	page := strings.Replace(string(b), "<link rel=\"stylesheet\"",
		"<script src=\"static/older.js\"></script><link rel=\"stylesheet\"", 1)
	_, err := i.ResponseWriter.Write([]byte(page))
	return len(b), err
}

func (i *inserting) WriteHeader(status int) {
	i.Header().Del("Content-Length")
	i.ResponseWriter.WriteHeader(status)
}

func (i *inserting) Unwrap() http.ResponseWriter { return i.ResponseWriter }
