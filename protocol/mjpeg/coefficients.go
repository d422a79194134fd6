package mjpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
)

// zigzag is the order of a block's coefficients in the stream, as places in rows of eight (T.81, figure 5), and unzigzag
// the way back.
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

var unzigzag = func() (back [64]uint8) {
	for at, natural := range zigzag {
		back[natural] = uint8(at)
	}
	return back
}()

// maxCoefficients bounds the memory that a picture's header can ask for: the largest picture, with full chroma.
const maxCoefficients = 3 * MaxPixels

// coefficients are a baseline picture before the inverse transform: its quantized coefficients.
type coefficients struct {
	size       image.Point
	unit       image.Point // the size of an MCU, in pixels
	components []component
	memory     []int16 // the components' blocks

	restart int             // MCUs from one restart marker to the next, 0 for none
	tables  [2][4]*codebook // [DC, AC][number]; nil if there is none
	books   [2][4]codebook  // their memory
}

// A component is one of a picture's planes.
type component struct {
	id            byte
	h, v          int // sampling factors
	quant         byte
	width, height int // in blocks, including blocks that only fill up the last MCU
	dc, ac        *codebook
	blocks        []int16 // 64 for each block, in the order of the zigzag
}

func (c *component) block(x, y int) *[64]int16 {
	return (*[64]int16)(c.blocks[(y*c.width+x)*64:])
}

var (
	errHuffman = errors.New("its Huffman coding is damaged")
	errKind    = errors.New("it is not a baseline JPEG in one scan")
	errHeader  = errors.New("its header is damaged")
	errRange   = errors.New("it has coefficients that no baseline JPEG has")
)

func (c *coefficients) read(jpeg []byte) error {
	if err := Check(jpeg); err != nil {
		return err
	}
	c.reset()
	for at, segment := range segments(jpeg) {
		code, body := segment[1], segment[4:]
		err := c.readSegment(code, body)
		switch {
		case err != nil:
		case isSOF(code) && code != markerSOF0 && code != markerSOF1:
			err = errKind
		case isSOF(code) && c.count() > maxCoefficients:
			err = fmt.Errorf("it is too large: %d×%d pixels", c.size.X, c.size.Y)
		case isSOF(code) && c.count() > pixelsPerByte*int64(len(jpeg)):
			err = errHuffman // its bytes cannot hold that many
		case code == markerSOS:
			if err = c.readScanHeader(body); err == nil {
				err = c.readScan(jpeg[at+len(segment):])
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reset forgets the last picture.
func (c *coefficients) reset() {
	c.components, c.restart, c.tables = c.components[:0], 0, [2][4]*codebook{}
}

// readSegment reads tables and frame headers.
func (c *coefficients) readSegment(code byte, body []byte) error {
	switch {
	case code == markerDQT && !validTables(body):
		return errHeader
	case code == markerDHT:
		return c.readTables(body)
	case code == markerDRI && len(body) == 2:
		c.restart = int(binary.BigEndian.Uint16(body))
	case isSOF(code):
		return c.readHeader(body)
	}
	return nil
}

// validTables reports whether quantization tables are of a known form (T.81, B.2.4.1).
func validTables(body []byte) bool {
	for len(body) > 0 {
		n := 1 + 64*(1+int(body[0]>>4))
		if body[0]>>4 > 1 || len(body) < n {
			return false
		}
		body = body[n:]
	}
	return true
}

// readTables reads Huffman tables (T.81, B.2.4.2).
func (c *coefficients) readTables(body []byte) error {
	for len(body) > 0 {
		if len(body) < 17 || body[0]&^0x13 != 0 {
			return errHuffman
		}
		n := 17
		for _, count := range body[1:17] {
			n += int(count)
		}
		if n > len(body) || n > 17+256 {
			return errHuffman
		}
		book := &c.books[body[0]>>4][body[0]&3]
		if err := book.set(huffmanTable{string(body[1:17]), string(body[17:n])}); err != nil {
			return err
		}
		c.tables[body[0]>>4][body[0]&3] = book
		body = body[n:]
	}
	return nil
}

// readHeader reads a frame header (T.81, B.2.2).
func (c *coefficients) readHeader(body []byte) error {
	size, err := frameSize(body)
	if err != nil {
		return err
	}
	n := int(body[5])
	if body[0] != 8 || n < 1 || n > 4 || len(body) != 6+3*n || len(c.components) > 0 {
		return errKind
	}
	c.size = size
	for p := body[6:]; len(p) > 0; p = p[3:] {
		h, v := int(p[1]>>4), int(p[1]&15)
		if h < 1 || h > 4 || v < 1 || v > 4 {
			return errHeader
		}
		if n == 1 {
			h, v = 1, 1 // a single component is not interleaved: its MCU is one block (A.2.2)
		}
		c.components = append(c.components, component{id: p[0], h: h, v: v, quant: p[2] & 3})
	}
	c.unit = image.Point{}
	for _, comp := range c.components {
		c.unit.X, c.unit.Y = max(c.unit.X, 8*comp.h), max(c.unit.Y, 8*comp.v)
	}
	across, down := (size.X+c.unit.X-1)/c.unit.X, (size.Y+c.unit.Y-1)/c.unit.Y
	for i := range c.components {
		comp := &c.components[i]
		comp.width, comp.height = across*comp.h, down*comp.v
	}
	return nil
}

// count is how many coefficients there are.
func (c *coefficients) count() (n int64) {
	for _, comp := range c.components {
		n += int64(comp.width) * int64(comp.height) * 64
	}
	return n
}

// readScanHeader reads the header of a scan, which must be the only one (T.81, B.2.3).
func (c *coefficients) readScanHeader(body []byte) error {
	n := len(c.components)
	if n == 0 || len(body) != 4+2*n || int(body[0]) != n || body[2*n+1] != 0 || body[2*n+2] != 63 || body[2*n+3] != 0 {
		return errKind
	}
	for i := range c.components {
		comp := &c.components[i]
		id, tables := body[1+2*i], body[2+2*i]
		if id != comp.id || tables&^0x33 != 0 {
			return errHeader
		}
		comp.dc, comp.ac = c.tables[0][tables>>4], c.tables[1][tables&3]
		if comp.dc == nil || comp.ac == nil {
			return errHuffman
		}
	}
	return nil
}

// readScan reads the entropy-coded data that scan begins with.
func (c *coefficients) readScan(scan []byte) error {
	if n := int(c.count()); cap(c.memory) < n {
		c.memory = make([]int16, n)
	}
	rest := c.memory
	for i := range c.components {
		comp := &c.components[i]
		n := comp.width * comp.height * 64
		comp.blocks, rest = rest[:n:n], rest[n:]
	}
	bits := bitReader{data: scan}
	first := c.components[0]
	across, total := first.width/first.h, first.width/first.h*(first.height/first.v)
	var before [4]int32 // the DC coefficients of the blocks before
	for mcu := range total {
		if c.restart > 0 && mcu > 0 && mcu%c.restart == 0 {
			if !isRST(bits.marker()) {
				return errHuffman
			}
			before = [4]int32{}
		}
		for i := range c.components {
			comp := &c.components[i]
			for n := range comp.h * comp.v {
				x, y := mcu%across*comp.h+n%comp.h, mcu/across*comp.v+n/comp.h
				if !bits.block(comp, comp.block(x, y), &before[i]) {
					return errHuffman
				}
			}
		}
	}
	if bits.marker() != markerEOI {
		return errKind
	}
	return nil
}
