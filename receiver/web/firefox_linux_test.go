package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// openFirefox opens Firefox without a screen. Marionette is how its own WebDriver speaks to it: messages are JSON, with
// their length in front.
func openFirefox(t *testing.T, dark bool) window { return openFirefoxOn(t, here{}, dark) }

func openFirefoxOn(t *testing.T, on machine, dark bool) window {
	home := t.TempDir()
	scheme := map[bool]int{true: 0, false: 1}[dark]
	prefs := fmt.Sprintf("user_pref('marionette.port', 0);\n"+
		"user_pref('layout.css.prefers-color-scheme.content-override', %d);\n"+
		"user_pref('datareporting.policy.dataSubmissionEnabled', false);\nuser_pref('app.normandy.enabled', false);\n", scheme)
	if err := os.WriteFile(filepath.Join(home, "user.js"), []byte(prefs), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, on, home, nil, "firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", home)
	var port string
	eventually(t, "Firefox listens", func() bool {
		text, err := os.ReadFile(filepath.Join(home, "MarionetteActivePort"))
		port = string(text)
		return err == nil && port != ""
	})
	var conn net.Conn
	err := on.Do(func() (err error) {
		conn, err = net.Dial("tcp", "127.0.0.1:"+port)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	m := &marionette{conn: conn, in: bufio.NewReader(conn)}
	if _, err := m.read(); err != nil { // it says what it is
		t.Fatal(err)
	}
	w := webdriver{m.ask}
	if _, err := w.ask(newSession, nil); err != nil {
		t.Fatal(err)
	}
	return w
}

type marionette struct {
	conn net.Conn
	in   *bufio.Reader
	id   int
}

func (m *marionette) ask(c command, arguments map[string]any) (json.RawMessage, error) {
	m.id++
	if arguments == nil {
		arguments = map[string]any{}
	}
	message, err := json.Marshal([]any{0, m.id, "WebDriver:" + c.marionette, arguments})
	if err != nil {
		return nil, err
	}
	m.conn.SetDeadline(time.Now().Add(2 * hang))
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(message), message); err != nil {
		return nil, err
	}
	answer, err := m.read()
	if err != nil {
		return nil, err
	}
	var parts [4]json.RawMessage // 1, the id, an error or null, the result
	if err := json.Unmarshal(answer, &parts); err != nil {
		return nil, err
	}
	if string(parts[2]) != "null" {
		return nil, fmt.Errorf("%s: %s", c.marionette, parts[2])
	}
	var value struct{ Value json.RawMessage }
	if json.Unmarshal(parts[3], &value) == nil && value.Value != nil {
		return value.Value, nil
	}
	return parts[3], nil
}

func (m *marionette) read() ([]byte, error) {
	length, err := m.in.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil {
		return nil, err
	}
	message := make([]byte, n)
	_, err = io.ReadFull(m.in, message)
	return message, err
}
