package sink

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"image"
	"os"

	"golang.org/x/image/draw"
	"golang.org/x/term"

	"udpcam/protocol"
	"udpcam/protocol/mjpeg"
)

// ErrNoTerminal says that there is no terminal to draw on.
var ErrNoTerminal = errors.New("standard output is no terminal")

// A Terminal draws the newest picture on a terminal, as large as fits above the last line. The last line is left for other
// output:
//
//	JPEG ──> decoded ──> scaled to what the terminal has ──> kitty graphics, sixels or half blocks ──> one write
//
// When the Terminal is opened, it asks what the terminal can do, and chooses the best way. Put takes as long as the
// terminal needs for the picture. Put a [Queue] of one frame before it. The queue drops frames that come meanwhile, so
// nothing piles up in an ssh session.
type Terminal struct {
	out    *os.File
	keys   *keyboard
	guard  *screenGuard
	can    abilities
	canvas canvas
	o      Options
	size   image.Point // of the terminal, in cells, when it was last cleared
	decode mjpeg.Decoder
	frame  *image.RGBA // the scaled picture, kept for its memory
	buffer bytes.Buffer
}

// A canvas draws pictures in one of the ways that terminals know.
type canvas interface {
	// pixels is how many pixels a picture on that many cells should have.
	pixels(cells image.Point) image.Point
	// draw appends the bytes that draw a picture on that many cells, from the cursor on.
	draw(b *bytes.Buffer, img *image.RGBA, cells image.Point) error
}

// OpenTerminal opens the terminal that is standard input and output, and clears it. Until it is closed it shows pictures.
// On its last line it shows the output of others. If the process ends without closing it, also by a panic or kill -9, the
// screen is restored all the same, where there is a POSIX shell.
func OpenTerminal(o Options) (*Terminal, error) {
	if !term.IsTerminal(int(os.Stdout.Fd())) || !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, fmt.Errorf("%w: run it in one, with nothing redirected", ErrNoTerminal)
	}
	settings := terminalSettings(os.Stdin)
	keys, err := openKeyboard(os.Stdin)
	if err != nil {
		return nil, fmt.Errorf("cannot talk to the terminal: %w", err)
	}
	can := ask(keys, os.Stdout)
	t := &Terminal{out: os.Stdout, keys: keys, can: can, canvas: can.canvas(), o: o}
	t.decode.MaxPixels = o.MaxPixels
	t.guard = guardScreen(os.Stdout, settings)
	if _, err := t.out.WriteString(altScreen + hideCursor); err != nil {
		t.Close()
		return nil, fmt.Errorf("cannot write to the terminal: %w", err)
	}
	return t, nil
}

// Left waits until q is pressed, and returns true; or until the Terminal is closed.
func (t *Terminal) Left() bool {
	select {
	case <-t.keys.quit:
		return true
	case <-t.keys.closed:
		return false
	}
}

// Control sequences for terminals, from ECMA-48 and xterm.
const (
	altScreen   = "\x1b[?1049h" // another screen, and back
	mainScreen  = "\x1b[?1049l"
	hideCursor  = "\x1b[?25l"
	showCursor  = "\x1b[?25h"
	eraseScreen = "\x1b[2J"
	resetStyle  = "\x1b[m"
)

// moveTo moves the cursor to a cell. The first cell is (0, 0).
func moveTo(cell image.Point) string { return fmt.Sprintf("\x1b[%d;%dH", cell.Y+1, cell.X+1) }

// String tells how pictures are drawn.
func (t *Terminal) String() string { return t.can.String() }

func (t *Terminal) Put(f protocol.Frame) error {
	if reason := t.o.undecodable(f.JPEG); reason != "" {
		t.o.skip(reason)
		return nil
	}
	columns, rows, err := term.GetSize(int(t.out.Fd()))
	if err != nil {
		return fmt.Errorf("the terminal has gone: %w", err)
	}
	t.buffer.Reset()
	if err := t.render(f.JPEG, image.Pt(columns, rows)); err != nil {
		return err
	}
	if _, err := t.out.Write(t.buffer.Bytes()); err != nil {
		return fmt.Errorf("cannot write to the terminal: %w", err)
	}
	return nil
}

// render makes the bytes that draw a picture on a terminal of that many cells, or none if the picture cannot be decoded.
func (t *Terminal) render(jpeg []byte, size image.Point) error {
	room := image.Pt(size.X, size.Y-1)
	if room.X < 1 || room.Y < 1 {
		return nil
	}
	proportions, _ := mjpeg.Size(jpeg)
	cells := t.can.fit(proportions, room)
	pixels := t.canvas.pixels(cells)
	picture, err := t.decode.Decode(jpeg, pixels)
	switch {
	case errors.Is(err, mjpeg.ErrTooLarge):
		t.o.skip(SkipHuge)
		return nil
	case err != nil:
		t.o.skip(SkipDamaged)
		return nil
	}
	if size != t.size {
		t.size = size
		t.buffer.WriteString(eraseScreen)
	}
	if t.frame == nil || t.frame.Rect.Max != pixels {
		t.frame = image.NewRGBA(image.Rectangle{Max: pixels})
	}
	draw.ApproxBiLinear.Scale(t.frame, t.frame.Rect, picture, picture.Bounds(), draw.Src, nil)
	corner := room.Sub(cells).Div(2)
	t.buffer.WriteString(moveTo(corner))
	if err := t.canvas.draw(&t.buffer, t.frame, cells); err != nil {
		return fmt.Errorf("cannot draw on the terminal: %w", err)
	}
	t.buffer.WriteString(resetStyle + moveTo(image.Pt(0, room.Y)))
	return nil
}

// Close makes the terminal show its old content again, and take keys as before.
func (t *Terminal) Close() error {
	_, err := t.out.WriteString(resetStyle + showCursor + mainScreen)
	t.keys.close()
	t.guard.dismiss()
	return err
}

// fit returns the largest number of cells in the room that has the proportions of a picture.
func (a abilities) fit(picture, room image.Point) image.Point {
	cell := a.cellSize()
	width, height := room.X*cell.X, room.Y*cell.Y
	if width*picture.Y > height*picture.X {
		width = height * picture.X / picture.Y
	} else {
		height = width * picture.Y / picture.X
	}
	return image.Pt(max(1, width/cell.X), max(1, height/cell.Y))
}

// cellSize is the size of a character in pixels. If the terminal does not say, a character is twice as high as wide.
func (a abilities) cellSize() image.Point {
	return cmp.Or(a.cell, image.Pt(8, 16))
}
