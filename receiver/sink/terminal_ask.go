package sink

import (
	"bytes"
	"image"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// abilities are the abilities of a terminal, as far as it has reported them.
type abilities struct {
	kitty     bool        // kitty's graphics
	sixel     bool        // DEC's graphics
	trueColor bool        // 24-bit colours rather than a palette of 256
	cell      image.Point // size of a character in pixels, zero if it has not said
}

func (a abilities) String() string {
	switch {
	case a.kitty:
		return "kitty graphics"
	case a.sixel:
		return "sixels"
	}
	return "half blocks"
}

func (a abilities) canvas() canvas {
	switch {
	case a.kitty:
		return kittyCanvas{cell: a.cellSize()}
	case a.sixel:
		return newSixelCanvas(a.cellSize())
	}
	return halfBlocks{trueColor: a.trueColor}
}

// question asks a terminal for its abilities. All terminals answer its last part, so input behind that answer is not an
// answer.
const question = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\" + // kitty: can you show this pixel?
	"\x1b[16t" + // xterm: how large is a cell?
	"\x1b[c" // which kind are you? (primary device attributes)

// askPatience is how long a terminal may take to answer: over a satellite that is a second.
const askPatience = 1500 * time.Millisecond

// ask asks a terminal what it can do. A terminal that does not answer has no graphics.
func ask(keys *keyboard, out *os.File) (a abilities) {
	if _, err := out.WriteString(question); err == nil {
		select {
		case text := <-keys.answer:
			a = parseAnswers(text)
		case <-time.After(askPatience):
		}
	}
	colors := os.Getenv("COLORTERM")
	a.trueColor = colors == "truecolor" || colors == "24bit" || strings.HasSuffix(os.Getenv("TERM"), "-direct")
	return a
}

// A keyboard reads what a terminal sends: its answers to question, and then keys.
type keyboard struct {
	in     *os.File
	before *term.State
	answer chan string   // the text with the answers
	quit   chan struct{} // is closed when q is pressed
	closed chan struct{}
	once   sync.Once
}

// openKeyboard lets keys come without a newline, and not be echoed. Ctrl-C goes on to be a signal.
func openKeyboard(in *os.File) (*keyboard, error) {
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, err
	}
	keepSignals(int(in.Fd()))
	k := &keyboard{in: in, before: before, answer: make(chan string, 1), quit: make(chan struct{}), closed: make(chan struct{})}
	go k.read()
	return k, nil
}

// read ends when q is pressed, or with the process: nothing interrupts the reading of a terminal.
func (k *keyboard) read() {
	const longest = 1 << 12 // bytes: more is no answer
	var all []byte
	for b, answered := make([]byte, 256), false; ; {
		n, err := k.in.Read(b)
		if err != nil {
			return
		}
		keys := b[:n]
		if !answered {
			all = append(all, keys...)
			if answered = deviceAttributes.Match(all) || len(all) > longest; answered {
				k.answer <- string(all)
			}
			keys = anyAnswer.ReplaceAll(all, nil)
		}
		if bytes.ContainsAny(keys, "qQ") {
			close(k.quit)
			return
		}
	}
}

// close makes keys come as before.
func (k *keyboard) close() {
	k.once.Do(func() {
		term.Restore(int(k.in.Fd()), k.before)
		close(k.closed)
	})
}

var (
	deviceAttributes = regexp.MustCompile(`\x1b\[\?([0-9;]*)c`)
	anyAnswer        = regexp.MustCompile(`\x1b(\[[0-9;?]*[a-zA-Z]?|_[^\x1b]*(\x1b\\)?)`) // also the beginning of one
	kittyAnswer      = regexp.MustCompile(`\x1b_Gi=31[^\x1b]*;OK\x1b\\`)
	cellAnswer       = regexp.MustCompile(`\x1b\[6;([0-9]{1,4});([0-9]{1,4})t`)
)

// sixelAttribute is the primary device attribute of terminals with sixel graphics (DEC VT340).
const sixelAttribute = "4"

// parseAnswers reads the answers of a terminal to question.
func parseAnswers(text string) (a abilities) {
	a.kitty = kittyAnswer.MatchString(text)
	if m := deviceAttributes.FindStringSubmatch(text); m != nil {
		for _, attribute := range strings.Split(m[1], ";") {
			a.sixel = a.sixel || attribute == sixelAttribute
		}
	}
	if m := cellAnswer.FindStringSubmatch(text); m != nil {
		height, _ := strconv.Atoi(m[1])
		width, _ := strconv.Atoi(m[2])
		const smallest, largest = 2, 200 // pixels that a character may have
		if min(width, height) >= smallest && max(width, height) <= largest {
			a.cell = image.Pt(width, height)
		}
	}
	return a
}
