//go:build unix

package main_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// house writes a file for udpcam run.
func house(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// When the file is read again, a camera that did not change goes on in the same session: its receiver gets every picture,
// once. Another is renamed, a third is added. A file with a mistake changes nothing.
func TestE2ERunAgain(t *testing.T) {
	const pictures, fps = 500, 100
	path, content := numberedFilm(t, pictures, street(t, 5)[0])
	dir := t.TempDir()
	receiver, addr := recv(t, "--out", dir+"/")
	file := filepath.Join(dir, "house.toml")
	door := fmt.Sprintf("addr = %q\n\n[[send]]\nsource = %q\nname = 'door'\nfps = %d\n", addr, path, fps)
	house(t, file, door+"[[send]]\nsource = 'test:'\nname = 'yard'\n")
	p := udpcam(t, "run", file)
	p.says(t, `msg=running tables=2 started=2 ended=0`)
	until(t, "a tenth is there", func() bool { return fileSize(dir+"/door.mjpg") > len(content)/10 })

	again := func(want string) {
		t.Helper()
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		p.says(t, want)
	}
	house(t, file, "# a camera more\n"+door+"[[send]]\nsource = 'test:'\nname = 'shed'\n[[send]]\nsource = 'test:'\n")
	again(`msg=running tables=3 started=2 ended=1`)
	house(t, file, door+"[[send]]\nsorce = 'test:'\n")
	again(regexp.QuoteMeta(`error="` + file + `:8: send: unknown key \"sorce\": did you mean \"source\"?"`))
	if fileSize(dir+"/door.mjpg") > len(content)*9/10 {
		t.Log("the film was nearly over when the file was read again: this machine is very slow")
	}
	house(t, file, door)
	again(`msg=running tables=1 started=0 ended=2`)
	p.ends(t, 0) // with the film
	receiver.says(t, "stream is quiet")
	receiver.stop(t)
	if got := readFile(t, dir+"/door.mjpg"); !bytes.Equal(got, content) {
		t.Errorf("%d of %d pictures came", len(frames(t, got)), pictures)
	}
	log := p.stderr.String()
	for _, want := range []string{"msg=sending .*stream=door ", "msg=sending .*stream=yard ", "msg=sending .*stream=shed ",
		`msg=sent table="send door" frames=500 `} {
		if n := len(regexp.MustCompile(want).FindAllString(log, -1)); n != 1 {
			t.Errorf("it says %d times %q", n, want)
		}
	}
}

// If one table fails later, it is started again, and the others go on. All output is JSON, and says of which table it is.
func TestE2ERunFailure(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(dir+"/pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	_, content := film(t, 1, street(t, 5, 6)...)
	receiver, addr := recv(t)
	house(t, dir+"/house.toml", "addr = '"+addr+"'\n[[send]]\nsource = 'pipe'\nname = 'odd'\n[[send]]\nsource = 'test:'\n")
	p := udpcam(t, "run", "--json", dir+"/house.toml")
	p.says(t, `"running","tables":2`)
	write := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(dir+"/pipe", content, 0); err != nil {
			t.Fatal(err)
		}
	}
	write([]byte("no picture"))
	p.says(t, `"this table failed, and is started again","table":"send odd","line":2,"error":"send: `)
	write(content)
	p.says(t, `"msg":"sent","table":"send odd","frames":2,`)
	receiver.says(t, "stream appears.* stream=odd ")
	p.stop(t)
	if n := strings.Count(p.stderr.String(), `"msg":"sending","table":"send test:"`); n != 1 {
		t.Errorf("the other began %d times", n)
	}
	objects(t, p.stderr.String())
	for _, o := range objects(t, p.stdout.String()) {
		if !strings.HasPrefix(o, `{"table":"send `) {
			t.Errorf("this does not say of which table it is: %s", o)
		}
	}
}

// When its terminal is closed, udpcam run ends, although that comes as the signal to read the file again.
func TestE2ERunTerminalCloses(t *testing.T) {
	file := t.TempDir() + "/house.toml"
	house(t, file, "[[send]]\nsource = 'test:'\nlisten = '127.0.0.1:0'\n")
	cmd := udpcamCommand(t, "run", file)
	screen, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	shown := ""
	running := func(times int) { // reads no further, because a terminal cannot be closed while it is read
		t.Helper()
		for b := make([]byte, 4096); strings.Count(shown, "msg=running") < times; {
			n, err := screen.Read(b)
			if err != nil {
				t.Fatalf("%v\n%s", err, shown)
			}
			shown += string(b[:n])
		}
	}
	running(1)
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	running(2)
	screen.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v\n%s", err, shown)
	}
}

// Several cameras of a file listen on one port. A table that cannot begin ends the command with the line that is to blame.
func TestE2ERunPort(t *testing.T) {
	dir := t.TempDir()
	file := dir + "/house.toml"
	house(t, file, "listen = '127.0.0.1:0'\n[[send]]\nsource = 'test:'\n[[send]]\nsource = 'test:'\n")
	p := udpcam(t, "run", file)
	p.says(t, `msg=running tables=2`)
	addrs := regexp.MustCompile(`msg=listening .*addr=(\S+)`).FindAllStringSubmatch(p.stderr.String(), -1)
	if len(addrs) != 2 || addrs[0][1] != addrs[1][1] {
		t.Errorf("they listen at %q", addrs)
	}
	house(t, dir+"/other.toml", "[[send]]\nsource = 'test:'\n\nlisten = '"+addrs[0][1]+"'\n")
	other := udpcam(t, "run", dir+"/other.toml")
	other.ends(t, 1)
	other.says(t, `^udpcam: `+regexp.QuoteMeta(dir)+`/other.toml:4: send: port \S+ is in use by another program: `+
		`choose another one with listen \S+\n`)
	p.stop(t)
}
