package mjpeg

import (
	"image"
	"slices"
)

// An eighth decodes pictures at an eighth of their width and height. A block's first coefficient, DC, is the mean of its
// pixels, and becomes one pixel. So a picture takes a 64th of the memory. Of a progressive picture, scans without DC are
// skipped. It can decode baseline and progressive pictures that are grey or have luma and chroma.
type eighth struct {
	c     coefficients
	means [][]int16 // of each component: DC, quantized
	steps [4]int32  // what DC is a multiple of, by the number of the quantization table
	grey  image.Gray
	color image.YCbCr
}

// decode returns the picture, which is valid until the next call.
func (e *eighth) decode(jpeg []byte, s shape) (image.Image, error) {
	if err := Check(jpeg); err != nil {
		return nil, err
	}
	if !s.huffman() || s.rgb || s.components != 1 && s.components != 3 {
		return nil, errKind
	}
	e.c.reset()
	for at := len(soi); at > 0; {
		from := at
		at = 0
		for begin, segment := range segmentsFrom(jpeg, from) {
			code, body := segment[1], segment[4:]
			err := e.c.readSegment(code, body)
			switch {
			case err != nil:
			case code == markerDQT:
				e.readSteps(body)
			case isSOF(code):
				e.allocate()
			case code == markerSOS:
				scan := jpeg[begin+len(segment):]
				if s.kind == markerSOF2 {
					err = e.readProgressive(body, scan)
				} else {
					err = e.readSequential(body, scan)
				}
				at = len(jpeg) - len(scan) + scanLength(scan)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return e.picture(), nil
}

// scanLength is how many bytes a scan of a whole picture has.
func scanLength(scan []byte) int {
	w := newWalker(false)
	w.pos = 0
	w.skipEntropyCoded(scan, len(scan))
	return w.pos
}

// readSteps reads the first values of valid quantization tables.
func (e *eighth) readSteps(body []byte) {
	for len(body) > 0 {
		width := 1 + int(body[0]>>4)
		step := int32(body[1])
		if width == 2 {
			step = step<<8 | int32(body[2])
		}
		e.steps[body[0]&3] = step
		body = body[1+64*width:]
	}
}

func (e *eighth) allocate() {
	e.means = slices.Grow(e.means[:0], len(e.c.components))[:len(e.c.components)]
	for i, c := range e.c.components {
		n := c.width * c.height
		if cap(e.means[i]) < n {
			e.means[i] = make([]int16, n)
		}
		e.means[i] = e.means[i][:n]
		clear(e.means[i])
	}
}

// readSequential reads the scan of a baseline picture, which may be one of several.
func (e *eighth) readSequential(header, scan []byte) error {
	var block [64]int16
	return e.readScan(header, scan, true, func(bits *bitReader, c *component, mean *int16, before *int32) bool {
		whole := bits.block(c, &block, before)
		*mean = block[0]
		return whole
	})
}

// readProgressive reads the scan of a progressive picture, if it has DC (T.81, G.1.2.1).
func (e *eighth) readProgressive(header, scan []byte) error {
	end := len(header)
	if end < 6 || header[end-3] > 0 {
		return nil
	}
	refines, shift := header[end-1]>>4 > 0, header[end-1]&15
	return e.readScan(header, scan, false, func(bits *bitReader, c *component, mean *int16, before *int32) bool {
		bits.fill()
		if refines {
			*mean |= int16(bits.acc>>63) << shift
			bits.skip(1)
			return bits.n >= bits.void
		}
		size, ok := bits.symbol(c.dc)
		if !ok || size > 11 {
			return false
		}
		*before += bits.value(size)
		*mean = int16(*before << shift)
		return bits.n >= bits.void
	})
}

// readScan reads the blocks of a scan, in the order of T.81, A.2. It calls read for each, with the DC of the component's last
// block.
func (e *eighth) readScan(header, scan []byte, ac bool,
	read func(bits *bitReader, c *component, mean *int16, before *int32) bool) error {
	in, err := e.inScan(header, ac)
	if err != nil {
		return err
	}
	first := &e.c.components[in[0]]
	across, down := first.width/first.h, first.height/first.v // MCUs
	alone := len(in) == 1
	if alone { // then an MCU is a block, and blocks outside the picture are left out
		unit := e.c.unit
		across, down = (e.c.size.X*first.h+unit.X-1)/unit.X, (e.c.size.Y*first.v+unit.Y-1)/unit.Y
	}
	bits := bitReader{data: scan}
	var before [4]int32
	for mcu := range across * down {
		if e.c.restart > 0 && mcu > 0 && mcu%e.c.restart == 0 {
			if !isRST(bits.marker()) {
				return errHuffman
			}
			before = [4]int32{}
		}
		for _, i := range in {
			c := &e.c.components[i]
			h, v := c.h, c.v
			if alone {
				h, v = 1, 1
			}
			for n := range h * v {
				x, y := mcu%across*h+n%h, mcu/across*v+n/h
				if !read(&bits, c, &e.means[i][y*c.width+x], &before[i]) {
					return errHuffman
				}
			}
		}
	}
	return nil
}

// inScan returns which components a scan has, and sets their tables.
func (e *eighth) inScan(header []byte, ac bool) (in []int, err error) {
	n := int(header[0])
	if n < 1 || n > 4 || len(header) != 4+2*n {
		return nil, errHeader
	}
	for i := range n {
		id, tables := header[1+2*i], header[2+2*i]
		at := slices.IndexFunc(e.c.components, func(c component) bool { return c.id == id })
		if at < 0 || slices.Contains(in, at) || tables&^0x33 != 0 {
			return nil, errHeader
		}
		c := &e.c.components[at]
		c.dc, c.ac = e.c.tables[0][tables>>4], e.c.tables[1][tables&3]
		refines := !ac && header[len(header)-1]>>4 > 0 // by single bits, without a table
		if c.dc == nil && !refines || c.ac == nil && ac {
			return nil, errHuffman
		}
		in = append(in, at)
	}
	return in, nil
}

// picture makes pixels of the means.
func (e *eighth) picture() image.Image {
	size := image.Pt((e.c.size.X+7)/8, (e.c.size.Y+7)/8)
	if len(e.c.components) == 1 {
		e.grey = image.Gray{Pix: e.plane(e.grey.Pix, 0, size), Stride: size.X, Rect: image.Rectangle{Max: size}}
		return &e.grey
	}
	e.color = image.YCbCr{
		Y: e.plane(e.color.Y, 0, size), Cb: e.plane(e.color.Cb, 1, size), Cr: e.plane(e.color.Cr, 2, size),
		YStride: size.X, CStride: size.X, Rect: image.Rectangle{Max: size}, SubsampleRatio: image.YCbCrSubsampleRatio444,
	}
	return &e.color
}

// plane makes a plane of a component, in the memory of pix if that is enough. Where the component has fewer pixels, each is
// repeated.
func (e *eighth) plane(pix []uint8, component int, size image.Point) []uint8 {
	c, step := &e.c.components[component], e.steps[e.c.components[component].quant]
	pix = slices.Grow(pix[:0], size.X*size.Y)[:size.X*size.Y]
	across, down := e.c.unit.X/8, e.c.unit.Y/8 // the largest sampling factors
	for y := range size.Y {
		means := e.means[component][y*c.v/down*c.width:]
		for x, row := 0, pix[y*size.X:][:size.X]; x < len(row); x++ {
			mean := (int32(means[x*c.h/across])*step+4)>>3 + 128
			row[x] = uint8(min(max(mean, 0), 255))
		}
	}
	return pix
}
