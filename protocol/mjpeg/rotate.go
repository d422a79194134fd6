package mjpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"slices"
)

// ErrRotate is wrapped by the errors that a picture cannot be rotated without loss.
var ErrRotate = errors.New("the picture cannot be rotated without loss")

// A Rotator turns pictures by a quarter, a half or three quarters without loss: it reads their coefficients, puts the
// blocks elsewhere, transposes and mirrors each, and writes them again. No coefficient changes but in place and sign, so
// that turning a picture on until it stands as before gives the picture that it was.
//
// That is possible if the picture is baseline (as cameras' are) and the edge that comes to lie on the left or on top is
// that of a whole block: otherwise the block's padding would come into the picture. The error says what it is that
// does not allow it.
//
// Restart markers are left out, Huffman tables become the standard ones, and what stands in APPn segments and comments
// stays as it is, an orientation in EXIF too. A Rotator keeps memory for a picture's coefficients, two bytes each. It is
// for one goroutine.
type Rotator struct {
	degrees int
	in, out coefficients
}

// NewRotator returns a rotator by so many degrees clockwise: 90, 180 or 270.
func NewRotator(degrees int) (*Rotator, error) {
	if degrees != 90 && degrees != 180 && degrees != 270 {
		return nil, fmt.Errorf("mjpeg: pictures are not rotated by %d degrees, but by 90, 180 or 270", degrees)
	}
	return &Rotator{degrees: degrees}, nil
}

// Rotate returns the turned picture in memory of its own.
func (r *Rotator) Rotate(jpeg []byte) ([]byte, error) {
	if err := r.in.read(jpeg); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRotate, err)
	}
	if err := r.allowed(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRotate, err)
	}
	r.turn()
	return r.write(jpeg)
}

// allowed returns an error if a block that is not whole would come to lie on the left or on top.
func (r *Rotator) allowed() error {
	size, unit := r.in.size, r.in.unit
	bottom, right := size.Y%unit.Y != 0, size.X%unit.X != 0
	switch {
	case bottom && r.degrees != 270:
		return fmt.Errorf("it is %d pixels high, which its blocks of %d do not divide", size.Y, unit.Y)
	case right && r.degrees != 90:
		return fmt.Errorf("it is %d pixels wide, which its blocks of %d do not divide", size.X, unit.X)
	}
	return nil
}

// turn makes the coefficients that are written of those that were read.
func (r *Rotator) turn() {
	r.out.size = r.in.size
	if r.quarter() {
		r.out.size = image.Pt(r.in.size.Y, r.in.size.X)
	}
	r.out.components = r.out.components[:0]
	for _, c := range r.in.components {
		if r.quarter() {
			c.h, c.v, c.width, c.height = c.v, c.h, c.height, c.width
		}
		r.out.components = append(r.out.components, c)
	}
	r.out.allocate()
	moves := r.moves()
	for i := range r.out.components {
		from, to := &r.in.components[i], &r.out.components[i]
		for y := range to.height {
			for x := range to.width {
				var block *[64]int16
				switch r.degrees {
				case 90:
					block = from.block(y, to.width-1-x)
				case 180:
					block = from.block(to.width-1-x, to.height-1-y)
				case 270:
					block = from.block(to.height-1-y, x)
				}
				turned := to.block(x, y)
				for at, m := range moves {
					turned[at] = block[m.from] * m.sign
				}
			}
		}
	}
}

// quarter reports whether width and height change places.
func (r *Rotator) quarter() bool { return r.degrees != 180 }

// A move says which coefficient of a block becomes another.
type move struct {
	from uint8
	sign int16
}

// moves are those of all coefficients of a turned block, in the order of the zigzag. Transposing a block transposes its
// coefficients, and mirroring it changes the sign of those whose frequency along the mirrored side is odd.
func (r *Rotator) moves() (moves [64]move) {
	for at, natural := range zigzag {
		x, y := int(natural%8), int(natural/8)
		sign := 1
		switch r.degrees {
		case 90:
			sign = 1 - 2*(x%2)
		case 180:
			sign = 1 - 2*((x+y)%2)
		case 270:
			sign = 1 - 2*(y%2)
		}
		if r.quarter() {
			x, y = y, x
		}
		moves[at] = move{unzigzag[y*8+x], int16(sign)}
	}
	return moves
}

// write writes the turned picture, with the segments of the original.
func (r *Rotator) write(original []byte) ([]byte, error) {
	out := make([]byte, 0, len(original)+len(original)/8+len(standardDHT))
	out = append(out, soi...)
	for at, code := range segments(original) {
		segment := original[at : at+2+int(binary.BigEndian.Uint16(original[at+2:]))]
		switch {
		case code == markerDHT, code == markerDRI:
		case code == markerDQT:
			out = append(out, r.turnTables(segment)...)
		case isSOF(code):
			out = append(out, r.turnHeader(segment)...)
		case code == markerSOS:
			out = append(out, standardDHT...)
			out = append(out, r.out.scanHeader()...)
		default:
			out = append(out, segment...)
		}
	}
	out, err := r.out.appendScan(out)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRotate, err)
	}
	return append(out, 0xFF, markerEOI), nil
}

// turnTables turns the quantization tables of a DQT segment, which has been checked.
func (r *Rotator) turnTables(segment []byte) []byte {
	turned := slices.Clone(segment)
	if !r.quarter() {
		return turned
	}
	for at := 4; at < len(turned); {
		width := 1 + int(turned[at]>>4)
		at++
		for to, natural := range zigzag {
			from := int(unzigzag[natural%8*8+natural/8])
			copy(turned[at+to*width:], segment[at+from*width:][:width])
		}
		at += 64 * width
	}
	return turned
}

// turnHeader turns a frame header.
func (r *Rotator) turnHeader(segment []byte) []byte {
	turned := slices.Clone(segment)
	binary.BigEndian.PutUint16(turned[5:], uint16(r.out.size.Y))
	binary.BigEndian.PutUint16(turned[7:], uint16(r.out.size.X))
	for at := 10; at+3 <= len(turned) && r.quarter(); at += 3 {
		turned[at+1] = turned[at+1]<<4 | turned[at+1]>>4
	}
	return turned
}
