package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A counter is a subject that counts how often it is asked.
type counter struct{ done uint64 }

type counterStatus struct {
	Samples uint64 `json:"samples"`
}

func (s counterStatus) line() string                       { return fmt.Sprintf("sample %d", s.Samples) }
func (s counterStatus) summary() (message string, _ []any) { return "done", nil }

func (c *counter) sample(time.Time) status {
	c.done++
	return counterStatus{c.done}
}

func (c *counter) frames() uint64 { return c.done }

// begin returns a session that writes to a log, and objects to json if that is not nil.
func begin(log *buffer, json io.Writer, lost func()) *session {
	return &session{
		log:     slog.New(slog.NewTextHandler(log, nil)),
		console: &console{w: log, width: func() int { return 80 }},
		json:    json,
		lost:    lost,
		began:   time.Now(),
	}
}

// With --json there is one object a second, and one at the end.
func TestSessionJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log buffer
		var objects bytes.Buffer
		s := begin(&log, &objects, nil)
		w := s.watch(&counter{})
		time.Sleep(2500 * time.Millisecond)
		w.end(nil)
		if want := "{\"samples\":1}\n{\"samples\":2}\n{\"samples\":3}\n"; objects.String() != want {
			t.Errorf("objects:\n%swant:\n%s", objects.String(), want)
		}
		if !strings.Contains(log.String(), "msg=done seconds=2.5") || strings.Contains(log.String(), "sample") {
			t.Errorf("log: %s", log.String())
		}
	})
}

// On a terminal the status line is rewritten, and gone at the end.
func TestSessionTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log buffer
		s := begin(&log, nil, nil)
		w := s.watch(&counter{})
		time.Sleep(1500 * time.Millisecond)
		if shown := screen(log.String()); len(shown) != 1 || shown[0] != "sample 1" {
			t.Errorf("the terminal shows %q", shown)
		}
		w.end(nil)
		if shown := screen(log.String()); len(shown) != 2 || !strings.Contains(shown[0], "msg=done") || shown[1] != "" {
			t.Errorf("the terminal shows %q", shown)
		}
	})
}

// A command that fails at the start writes only its error.
func TestSessionFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log buffer
		var objects bytes.Buffer
		s := begin(&log, &objects, nil)
		s.watch(&counter{}).end(errors.New("no such camera"))
		if objects.Len() > 0 || log.String() != "" {
			t.Errorf("written: %s%s", objects.String(), log.String())
		}
	})
}

// If a command fails later, it still logs what it did until then.
func TestSessionLateFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log buffer
		s := begin(&log, nil, nil)
		w := s.watch(&counter{})
		time.Sleep(1500 * time.Millisecond)
		w.end(errors.New("the camera was pulled out"))
		if !strings.Contains(log.String(), "msg=done") {
			t.Errorf("log: %s", log.String())
		}
	})
}

// When nobody reads the JSON objects any more, the command ends.
func TestSessionNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read, write := io.Pipe()
		read.Close()
		ctx, cancel := context.WithCancel(t.Context())
		var log buffer
		s := begin(&log, write, cancel)
		w := s.watch(&counter{})
		defer w.end(nil)
		<-ctx.Done()
		if took := time.Since(s.began); took != statusInterval {
			t.Errorf("it took %v", took)
		}
	})
}
