package sink

import (
	"image"
	"os"
	"regexp"
	"strconv"
	"strings"
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
func ask(in, out *os.File) (a abilities, err error) {
	before, err := term.MakeRaw(int(in.Fd())) // so that answers are not echoed, and come without a newline
	if err != nil {
		return a, err
	}
	defer term.Restore(int(in.Fd()), before)
	if _, err := out.WriteString(question); err != nil {
		return a, err
	}
	answers := make(chan string, 1)
	go func() { // it ends at the latest when a key is pressed after the answers
		const longest = 1 << 12 // bytes: more is no answer
		var all []byte
		for b := make([]byte, 256); !deviceAttributes.Match(all) && len(all) < longest; {
			n, err := in.Read(b)
			if err != nil {
				break
			}
			all = append(all, b[:n]...)
		}
		answers <- string(all)
	}()
	select {
	case text := <-answers:
		a = parseAnswers(text)
	case <-time.After(askPatience):
	}
	colors := os.Getenv("COLORTERM")
	a.trueColor = colors == "truecolor" || colors == "24bit" || strings.HasSuffix(os.Getenv("TERM"), "-direct")
	return a, nil
}

var (
	deviceAttributes = regexp.MustCompile(`\x1b\[\?([0-9;]*)c`)
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
