package mjpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// ErrRotate is wrapped by the errors for pictures that cannot be rotated without loss.
var ErrRotate = errors.New("the picture cannot be rotated without loss")

// A Rotator turns pictures by a quarter, a half or three quarters, and mirrors them, without loss. It reads a picture's
// coefficients, puts the blocks elsewhere, transposes and mirrors each, and writes them again. Coefficients change only
// their place and sign. So four quarters give the same picture again, and so do two mirrors.
//
// The picture must be baseline, as cameras' pictures are. The edge that comes to lie on the left or on top must be the edge
// of a whole block. Otherwise the block's padding would come into the picture. The error says which condition is not met.
//
// Restart markers are left out, and Huffman tables become the standard ones. APPn segments and comments stay as they are,
// an orientation in EXIF too. A Rotator keeps memory for a picture's coefficients, two bytes each. It is for one goroutine.
type Rotator struct {
	transpose        bool // rows become columns, first of all
	mirrorX, mirrorY bool // then left and right change places, top and bottom
	in               coefficients
}

// NewRotator returns a rotator that turns pictures clockwise by 0, 90, 180 or 270 degrees. Then it mirrors them, if flip is
// "h", which exchanges left and right, or "v", which exchanges top and bottom.
func NewRotator(degrees int, flip string) (*Rotator, error) {
	if degrees != 0 && degrees != 90 && degrees != 180 && degrees != 270 {
		return nil, fmt.Errorf("mjpeg: pictures are not rotated by %d degrees, but by 90, 180 or 270", degrees)
	}
	if flip != "" && flip != "h" && flip != "v" {
		return nil, fmt.Errorf("mjpeg: pictures are not flipped by %q, but by h or v", flip)
	}
	return &Rotator{
		transpose: degrees%180 != 0,
		mirrorX:   (degrees == 90 || degrees == 180) != (flip == "h"),
		mirrorY:   (degrees == 180 || degrees == 270) != (flip == "v"),
	}, nil
}

// Rotate returns the turned picture in memory of its own.
func (r *Rotator) Rotate(jpeg []byte) ([]byte, error) {
	err := r.in.read(jpeg)
	if err == nil {
		err = r.allowed()
	}
	var turned []byte
	if err == nil {
		turned, err = r.write(jpeg)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRotate, err)
	}
	return turned, nil
}

// allowed returns an error if a block that is not whole would come to lie on the left or on top.
func (r *Rotator) allowed() error {
	size, unit := r.in.size, r.in.unit
	bottom, right := r.mirrorY, r.mirrorX // what comes to lie on top or on the left
	if r.transpose {
		bottom, right = right, bottom
	}
	switch {
	case bottom && size.Y%unit.Y != 0:
		return fmt.Errorf("its height, %d pixels, is no multiple of its blocks' height, %d", size.Y, unit.Y)
	case right && size.X%unit.X != 0:
		return fmt.Errorf("its width, %d pixels, is no multiple of its blocks' width, %d", size.X, unit.X)
	}
	return nil
}

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
		if r.mirrorX && x%2 != 0 {
			sign = -sign
		}
		if r.mirrorY && y%2 != 0 {
			sign = -sign
		}
		if r.transpose {
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
	for _, segment := range segments(original) {
		switch code := segment[1]; {
		case code == markerDHT, code == markerDRI:
		case code == markerDQT:
			out = append(out, r.turnTables(segment)...)
		case isSOF(code):
			out = append(out, r.turnHeader(segment)...)
		case code == markerSOS:
			out = append(append(out, standardDHT...), segment...)
			for i := range r.in.components {
				out[len(out)-len(segment)+6+2*i] = byte(tableOf(i) * 0x11)
			}
		default:
			out = append(out, segment...)
		}
	}
	out, err := r.appendScan(out)
	return append(out, 0xFF, markerEOI), err
}

// tableOf is the number of the standard tables that a component is written with. The first component is luma.
func tableOf(component int) int { return min(component, 1) }

// appendScan appends the entropy-coded data of the turned picture (T.81, A.2.3).
func (r *Rotator) appendScan(out []byte) ([]byte, error) {
	w, moves := bitWriter{out: out}, r.moves()
	first := r.in.components[0]
	across, down := first.width/first.h, first.height/first.v
	if r.transpose {
		across, down = down, across
	}
	var before [4]int32 // the DC coefficients of the blocks before
	var turned [64]int16
	for mcu := range across * down {
		for i := range r.in.components {
			c := &r.in.components[i]
			h, v := c.h, c.v
			if r.transpose {
				h, v = v, h
			}
			for n := range h * v {
				block := r.source(c, mcu%across*h+n%h, mcu/across*v+n/h)
				for at, m := range moves {
					turned[at] = block[m.from] * m.sign
				}
				if !w.block(&turned, &before[i], tableOf(i)) {
					return nil, errRange
				}
			}
		}
	}
	w.finish()
	return w.out, nil
}

// source returns the block that comes to lie at the given place.
func (r *Rotator) source(c *component, x, y int) *[64]int16 {
	across, down := c.width, c.height
	if r.transpose {
		across, down = down, across
	}
	if r.mirrorX {
		x = across - 1 - x
	}
	if r.mirrorY {
		y = down - 1 - y
	}
	if r.transpose {
		x, y = y, x
	}
	return c.block(x, y)
}

// turnTables turns the quantization tables of a valid DQT segment.
func (r *Rotator) turnTables(segment []byte) []byte {
	turned := slices.Clone(segment)
	for at := 4; at < len(turned) && r.transpose; {
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
	if !r.transpose {
		return turned
	}
	binary.BigEndian.PutUint16(turned[5:], uint16(r.in.size.X))
	binary.BigEndian.PutUint16(turned[7:], uint16(r.in.size.Y))
	for at := 10; at+3 <= len(turned); at += 3 {
		turned[at+1] = turned[at+1]<<4 | turned[at+1]>>4
	}
	return turned
}
