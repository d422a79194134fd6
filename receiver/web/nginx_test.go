package web

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/coder/websocket"
)

// nginx runs until the test ends. It passes requests to a server on, as a location's directives say. It returns its address.
func nginx(t *testing.T, server, directives string) (addr string) {
	t.Helper()
	program := need(t, "nginx")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = ln.Addr().String()
	ln.Close() // nginx cannot take a listener that exists
	dir := t.TempDir()
	config := fmt.Sprintf(`
daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	server { listen %[2]s; location / { proxy_pass http://%[3]s; %[4]s } }
}`, dir, addr, server, directives)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", file)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); cmd.Wait() })
	eventually(t, "nginx listens", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return addr
}

// nginx passes each picture on as soon as it is there, if it is configured as most do it, with a proxy_pass alone.
func TestNginxPassesPicturesOn(t *testing.T) {
	h := New(quiet(Config{}))
	r, err := http.Get("http://" + nginx(t, serve(t, h), "") + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer r.Body.Close()
	c := &client{in: bufio.NewReader(r.Body)}
	if err := c.expect("--boundarydonotcross\r\n"); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		jpeg := picture(t, 1+i%4)
		h.Put(frame(i, jpeg))
		if err := expectFrame(c, i, jpeg); err != nil {
			t.Fatal(err)
		}
	}
}

// The page's WebSocket works behind an nginx that gives its own name for the server as the Host, if the server is told by
// what name the browser knows it. Pages at other names are refused.
func TestNginxRewritesHost(t *testing.T) {
	h := New(quiet(Config{AllowHosts: []string{"cameras.example"}}))
	addr := nginx(t, serve(t, h),
		`proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;`)
	for origin, want := range map[string]int{"https://cameras.example": 101, "https://evil.example": 403} {
		options := websocket.DialOptions{Host: "cameras.example", HTTPHeader: http.Header{"Origin": {origin}}}
		conn, r, err := websocket.Dial(t.Context(), "ws://"+addr+"/socket", &options)
		if r == nil || r.StatusCode != want {
			t.Fatalf("a page of %s: %v", origin, err)
		}
		if err == nil {
			conn.CloseNow()
		}
	}
}
