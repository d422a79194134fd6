package main

import (
	"bytes"
	"io"
	"runtime"
	"unicode/utf8"

	"github.com/mdp/qrterminal/v3"

	"udpcam/cmd/internal/cmdline"
)

// maxQR is how many bytes a QR code is drawn for. Larger ones hold 2331, but no terminal has so many lines.
const maxQR = 500

// drawQR draws a text of up to maxQR bytes as a QR code of half blocks, and says how many columns it takes. On a terminal
// it is white on black whatever the terminal's colours are: not every phone reads an inverted code.
func drawQR(text string, terminal io.Writer) (drawn []byte, columns int) {
	const whiteOnBlack, usual = "\x1b[38;5;231;48;5;16m", "\x1b[0m" // ECMA-48, 8.3.117, with the colours of xterm
	_, coloured := cmdline.TerminalWidth(terminal)
	coloured = coloured && runtime.GOOS != "windows" // whose older terminals know no colours
	var code bytes.Buffer
	qrterminal.GenerateHalfBlock(text, qrterminal.M, &code)
	for line := range bytes.Lines(code.Bytes()) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		columns = max(columns, utf8.RuneCount(line))
		if coloured {
			line = append(append([]byte(whiteOnBlack), line...), usual...)
		}
		drawn = append(append(drawn, line...), '\n')
	}
	return drawn, columns
}
