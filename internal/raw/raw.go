// Package raw turns the uncompressed pictures of cameras into what package image knows, so that they can be encoded.
//
//	a driver's buffer ──> Decoder.Decode ──> *image.YCbCr or *image.Gray, in memory that the next Decode uses again
//
// The formats are those of V4L2 (https://docs.kernel.org/userspace-api/media/v4l/pixfmt.html), named by their four
// characters. Samples are sorted into planes and, as JPEG wants them (JFIF 1.02), spread over 0 to 255; the chroma is
// left at the resolution that it has. Colours are taken to be those of ITU-R BT.601, as USB cameras have them.
package raw

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
)

// ErrShort is that a picture has fewer bytes than its size asks for.
var ErrShort = errors.New("raw: the picture is cut off")

// maxPixels bounds the memory that a picture can ask for.
const maxPixels = 64 << 20

// A Decoder decodes pictures of one format and size. It is for one goroutine.
type Decoder struct {
	format       format
	size         image.Point
	stride       int
	luma, chroma *[256]uint8 // what becomes of a sample

	colour *image.YCbCr
	grey   *image.Gray
}

// New returns a decoder. The stride is how many bytes lie between two rows of the first plane, 0 for rows without gaps;
// fullRange says that samples take all values and not only those from 16 to 235, or 240 for chroma (which is usual).
func New(code string, size image.Point, stride int, fullRange bool) (*Decoder, error) {
	at := Rank(code)
	if at < 0 {
		return nil, fmt.Errorf("raw: pictures of format %s cannot be decoded", code)
	}
	if size.X < 1 || size.Y < 1 || size.X > maxPixels/size.Y {
		return nil, fmt.Errorf("raw: pictures of %dx%d pixels cannot be decoded", size.X, size.Y)
	}
	d := &Decoder{format: formats[at], size: size}
	d.stride = max(stride, d.row())
	d.luma, d.chroma = &same, &same
	if !fullRange {
		d.luma, d.chroma = &limitedLuma, &limitedChroma
	}
	if d.format.layout == grey {
		d.grey = image.NewGray(image.Rectangle{Max: size})
	} else {
		d.colour = image.NewYCbCr(image.Rectangle{Max: size}, d.format.ratio)
	}
	return d, nil
}

var same, limitedLuma, limitedChroma = func() (same, luma, chroma [256]uint8) {
	for i := range 256 {
		same[i] = uint8(i)
		luma[i] = uint8(min(max((float64(i)-16)*255/219+0.5, 0), 255))
		chroma[i] = uint8(min(max((float64(i)-128)*255/224+128.5, 0), 255))
	}
	return
}()

// row is how many bytes a row of the first plane has.
func (d *Decoder) row() int {
	switch d.format.layout {
	case packed:
		return (d.size.X + 1) / 2 * 4
	case rgb:
		return d.size.X * d.format.at[3]
	case rgb565:
		return d.size.X * 2
	case grey:
		return d.size.X * ((d.format.bits + 7) / 8)
	}
	return d.size.X
}

// need is how many bytes a picture has at least.
func (d *Decoder) need() int {
	n := d.stride*(d.size.Y-1) + d.row()
	if d.colour == nil {
		return n
	}
	chromaRows := len(d.colour.Cb) / d.colour.CStride
	switch d.format.layout {
	case semiplanar:
		return d.stride*d.size.Y + d.chromaStride()*(chromaRows-1) + 2*d.colour.CStride
	case planar:
		return d.stride*d.size.Y + d.chromaStride()*(2*chromaRows-1) + d.colour.CStride
	}
	return n
}

// chromaStride is how many bytes lie between two rows of chroma, in formats that have it apart.
func (d *Decoder) chromaStride() int {
	switch {
	case d.format.layout == planar:
		return (d.stride + 1) / 2
	case d.format.ratio == full:
		return 2 * d.stride
	}
	return (d.stride + 1) &^ 1
}

// Decode returns the picture that b holds. It is the caller's until it calls Decode again; b may be used again at once.
// The error is ErrShort.
func (d *Decoder) Decode(b []byte) (image.Image, error) {
	if len(b) < d.need() {
		return nil, ErrShort
	}
	switch d.format.layout {
	case grey:
		d.decodeGrey(b)
		return d.grey, nil
	case packed:
		d.decodePacked(b)
	case semiplanar:
		d.decodeLuma(b)
		d.decodeSemiplanar(b[d.stride*d.size.Y:])
	case planar:
		d.decodeLuma(b)
		d.decodePlanar(b[d.stride*d.size.Y:])
	case rgb:
		d.decodeRGB(b)
	case rgb565:
		d.decodeRGB565(b)
	}
	return d.colour, nil
}

func (d *Decoder) decodePacked(b []byte) {
	y0, cb, y1, cr := d.format.at[0], d.format.at[1], d.format.at[2], d.format.at[3]
	img, luma, chroma := d.colour, d.luma, d.chroma
	for y := range d.size.Y {
		row := b[y*d.stride:][:d.row()]
		ys, cbs, crs := img.Y[y*img.YStride:][:d.size.X], img.Cb[y*img.CStride:][:img.CStride], img.Cr[y*img.CStride:][:img.CStride]
		for x := range cbs {
			quad := row[4*x:][:4:4]
			ys[2*x] = luma[quad[y0]]
			if 2*x+1 < len(ys) {
				ys[2*x+1] = luma[quad[y1]]
			}
			cbs[x], crs[x] = chroma[quad[cb]], chroma[quad[cr]]
		}
	}
}

func (d *Decoder) decodeLuma(b []byte) {
	for y := range d.size.Y {
		spread(d.colour.Y[y*d.colour.YStride:][:d.size.X], b[y*d.stride:], d.luma)
	}
}

// spread sets samples to what a table makes of others.
func spread(to, from []byte, table *[256]uint8) {
	if table == &same {
		copy(to, from)
		return
	}
	from = from[:len(to)]
	for i, v := range from {
		to[i] = table[v]
	}
}

func (d *Decoder) decodeSemiplanar(b []byte) {
	img, chroma, cb, cr, stride := d.colour, d.chroma, d.format.at[0], d.format.at[1], d.chromaStride()
	for y := range len(img.Cb) / img.CStride {
		row := b[y*stride:][:2*img.CStride]
		cbs, crs := img.Cb[y*img.CStride:][:img.CStride], img.Cr[y*img.CStride:][:img.CStride]
		for x := range cbs {
			pair := row[2*x:][:2:2]
			cbs[x], crs[x] = chroma[pair[cb]], chroma[pair[cr]]
		}
	}
}

func (d *Decoder) decodePlanar(b []byte) {
	img, stride := d.colour, d.chromaStride()
	rows := len(img.Cb) / img.CStride
	for y := range rows {
		spread(img.Cb[y*img.CStride:][:img.CStride], b[(d.format.at[0]*rows+y)*stride:], d.chroma)
		spread(img.Cr[y*img.CStride:][:img.CStride], b[(d.format.at[1]*rows+y)*stride:], d.chroma)
	}
}

func (d *Decoder) decodeRGB(b []byte) {
	img, at := d.colour, d.format.at
	for y := range d.size.Y {
		row := b[y*d.stride:][:d.row()]
		ys, cbs, crs := img.Y[y*img.YStride:][:d.size.X], img.Cb[y*img.CStride:][:d.size.X], img.Cr[y*img.CStride:][:d.size.X]
		for x := range ys {
			p := row[x*at[3]:][:at[3]:at[3]]
			ys[x], cbs[x], crs[x] = color.RGBToYCbCr(p[at[0]], p[at[1]], p[at[2]])
		}
	}
}

func (d *Decoder) decodeRGB565(b []byte) {
	img := d.colour
	for y := range d.size.Y {
		row := b[y*d.stride:][:d.row()]
		for x := range d.size.X {
			p := binary.LittleEndian.Uint16(row[2*x:])
			r, g, b := uint8(p>>11), uint8(p>>5&0x3F), uint8(p&0x1F)
			at := y*img.YStride + x
			img.Y[at], img.Cb[at], img.Cr[at] = color.RGBToYCbCr(r<<3|r>>2, g<<2|g>>4, b<<3|b>>2)
		}
	}
}

func (d *Decoder) decodeGrey(b []byte) {
	for y := range d.size.Y {
		row, to := b[y*d.stride:][:d.row()], d.grey.Pix[y*d.grey.Stride:][:d.size.X]
		if d.format.bits == 8 {
			spread(to, row, d.luma)
			continue
		}
		for x := range to {
			v := binary.LittleEndian.Uint16(row[2*x:])
			to[x] = d.luma[uint8(v>>(d.format.bits-8))]
		}
	}
}
