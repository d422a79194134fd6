//go:build unix

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// Tables are read again, started and ended while another fails and is started again. At the end everything is closed, and the
// working directory is what it was.
func TestRun(t *testing.T) {
	noLeaks(t)
	dir := t.TempDir()
	before, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	camera, err := net.Listen("tcp", "127.0.0.1:0") // which answers all that ask with an error
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := camera.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, "HTTP/1.0 401 Unauthorized\r\n\r\n")
			conn.Close()
		}
	}()
	defer camera.Close()
	write := func(extra string) {
		t.Helper()
		text := fmt.Sprintf("addr = '127.0.0.1:9'\n[[send]]\nsource = 'test:'\n[[send]]\nsource = 'http://%s/'\n", camera.Addr())
		if err := os.WriteFile(dir+"/house.toml", []byte(text+extra), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out, log buffer
	ended := make(chan int)
	write("")
	go func() { ended <- run(ctx, []string{"udpcam", "run", "--json", dir + "/house.toml"}, &out, &log) }()
	await(t, &log, `"running","tables":2`)
	for i := range 5 {
		write(fmt.Sprintf("[[recv]]\naddr = '127.0.0.1:0'\n[[send]]\nsource = 'test:'\nname = '%d'\n", i))
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		await(t, &log, fmt.Sprintf(`"running","tables":4(?s:.*)"stream":"%d"`, i))
	}
	await(t, &log, `is started again","table":"send http://[^"]*/","line":4,"error":"send: camera [^"]*401(?s:.*)is started again`)
	interrupt()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d: %s", code, log.String())
	}
	if after, err := os.Getwd(); after != before || err != nil {
		t.Errorf("the working directory is %q, %v", after, err)
	}
	if n := strings.Count(log.String(), `"msg":"received"`); n != 1 {
		t.Errorf("the receiver, which did not change, has ended %d times", n)
	}
}

// A key file that changed is a change of its table.
func TestIdentity(t *testing.T) {
	file := t.TempDir() + "/door.key"
	identity := func(key, text string) string {
		t.Helper()
		if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
		tables, err := parseConfig([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return identityOf(tables[0])
	}
	text := "[[send]]\nsource = 'test:'\nkey-file = '" + file + "'\n"
	one := identity("one", text)
	if one != identity("one", "\n# moved\n[[send]]\nkey-file = ['"+file+"']\nsource = \"test:\"\n") {
		t.Error("the order of keys is a change")
	}
	if identity("one", text+"name = ['a', 'b']\n") == identity("one", text+"name = ['b', 'a']\n") {
		t.Error("another order of names is no change")
	}
	if one == identity("two", text) {
		t.Error("another key is no change")
	}
}
