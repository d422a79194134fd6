package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// miniBrowser is WebKitGTK's browser for tests, where Debian has it.
const miniBrowser = "/usr/lib/*/webkit2gtk-4.?/MiniBrowser"

// openWebKit opens WebKitGTK's MiniBrowser on a screen of its own.
func openWebKit(t *testing.T, dark bool) window {
	found, err := filepath.Glob(miniBrowser)
	if err != nil || len(found) == 0 {
		t.Fatal("WebKit's MiniBrowser is not installed: make setup installs it (Debian: webkit2gtk-driver)")
	}
	home := t.TempDir()
	display := openScreen(t, home)
	theme := "GTK_THEME=Adwaita"
	if dark {
		theme += ":dark"
	}
	env := []string{"DISPLAY=" + display, "GDK_BACKEND=x11", "LIBGL_ALWAYS_SOFTWARE=1",
		"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS=1",
		"GIO_USE_VFS=local", "GSETTINGS_BACKEND=memory", "DBUS_SESSION_BUS_ADDRESS=disabled:", "NO_AT_BRIDGE=1", theme}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	_, port, _ := net.SplitHostPort(address)
	start(t, here{}, home, env, "WebKitWebDriver", "--port="+port)
	session := "http://" + address + "/session"
	eventually(t, "WebKit's driver listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	w := webdriver{func(c command, arguments map[string]any) (json.RawMessage, error) {
		return askByHTTP(c.method, session+c.path, arguments)
	}}
	options := map[string]any{"binary": found[len(found)-1], "args": []string{"--automation"}}
	answer, err := w.ask(newSession, map[string]any{"capabilities": map[string]any{
		"alwaysMatch": map[string]any{"webkitgtk:browserOptions": options}}})
	var begun struct{ SessionID string }
	if err == nil {
		err = json.Unmarshal(answer, &begun)
	}
	if err != nil {
		t.Fatal(err)
	}
	session += "/" + begun.SessionID
	t.Cleanup(func() { askByHTTP("DELETE", session, nil) }) //nolint:errcheck // it ends anyway
	return w
}

// openScreen starts an X server that draws into memory, and returns its name.
func openScreen(t *testing.T, home string) string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command(need(t, "Xvfb"), "-displayfd", "3", "-screen", "0", "1600x1200x24", "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{write}
	startGroup(t, here{}, cmd)
	write.Close()
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal("the X server does not start: ", err)
	}
	return ":" + strings.TrimSpace(number)
}

func askByHTTP(method, url string, arguments map[string]any) (json.RawMessage, error) {
	var body io.Reader
	if method == "POST" {
		data, err := json.Marshal(arguments)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		return nil, err
	}
	r.Close = true
	answer, err := (&http.Client{Timeout: 2 * hang}).Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var value struct{ Value json.RawMessage }
	if err := json.NewDecoder(answer.Body).Decode(&value); err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, errors.New(string(value.Value))
	}
	return value.Value, nil
}
