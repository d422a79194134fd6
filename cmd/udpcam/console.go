package main

import (
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"udpcam/cmd/internal/cmdline"
)

// A console is standard error: lines of text and, on a terminal, a status line below them that is rewritten in place. It is
// safe for concurrent use.
type console struct {
	w     io.Writer
	width func() int // of the terminal, in columns; nil if there is none

	mu     sync.Mutex
	status string // the status line, as far as it fits
}

func newConsole(w io.Writer) *console {
	c := &console{w: w}
	if _, ok := cmdline.TerminalWidth(w); ok {
		c.width = func() int {
			columns, _ := cmdline.TerminalWidth(w)
			return columns
		}
	}
	return c
}

// Write writes whole lines above the status line.
func (c *console) Write(lines []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status == "" {
		return c.w.Write(lines)
	}
	out := append([]byte(c.erase()), lines...)
	out = append(out, c.status...)
	if _, err := c.w.Write(out); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// setStatus rewrites the status line. An empty one removes it. Without a terminal it does nothing.
func (c *console) setStatus(line string) {
	if c.width == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	line = cut(line, c.width()-1) // when the last column is written, some terminals begin a new line
	if line != c.status {
		io.WriteString(c.w, c.erase()+line)
	}
	c.status = line
}

// erase returns what removes the status line. Spaces do that on every terminal, also without escape sequences.
func (c *console) erase() string {
	return "\r" + strings.Repeat(" ", utf8.RuneCountInString(c.status)) + "\r"
}

// cut shortens a line to at most width columns. If possible it cuts between two parts of the line. Parts are two spaces
// apart.
func cut(line string, width int) string {
	runes := []rune(line)
	width = max(0, width)
	if len(runes) <= width {
		return line
	}
	if gap := strings.LastIndex(string(runes[:width+1]), "  "); gap > 0 {
		return line[:gap]
	}
	return string(runes[:width])
}
