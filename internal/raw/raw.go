// Package raw converts the uncompressed pictures of cameras to types of package image, so that they can be encoded.
//
//	a driver's buffer ──> Decoder.Decode ──> *image.YCbCr or *image.Gray, in memory that the next Decode uses again
//
// The formats are those of V4L2 (https://docs.kernel.org/userspace-api/media/v4l/pixfmt.html), named by their four
// characters. Samples are sorted into planes and spread over 0 to 255, as JPEG has them (JFIF 1.02). Chroma keeps its
// resolution. Colours are taken to be those of ITU-R BT.601, as USB cameras have them.
package raw

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
)

// ErrShort means that a picture has fewer bytes than its size needs.
var ErrShort = errors.New("raw: the picture is cut off")

// maxPixels bounds the memory that a picture can ask for.
const maxPixels = 64 << 20

// A Decoder decodes pictures of one format and size. It is for one goroutine.
type Decoder struct {
	format       format
	size         image.Point
	stride       int
	luma, chroma *[256]uint8 // what becomes of a sample

	need   int        // how many bytes a picture has at least
	from   [3]samples // where luma, Cb and Cr come from, if they are bytes
	colour *image.YCbCr
	grey   *image.Gray
}

// samples says where the samples of one kind are in a picture's bytes.
type samples struct {
	base, stride int // where the first row begins, and how far it is to the next
	at, step     int // where in a row the first sample is, and how far it is to the next
}

// New returns a decoder. The stride is how many bytes lie between two rows of the first plane, 0 for rows without gaps.
// With fullRange, samples take all values. Usually luma takes only those from 16 to 235, and chroma to 240.
func New(code string, size image.Point, stride int, fullRange bool) (*Decoder, error) {
	rank := Rank(code)
	if rank < 0 {
		return nil, fmt.Errorf("raw: pictures of format %s cannot be decoded", code)
	}
	if size.X < 1 || size.Y < 1 || size.X > maxPixels/size.Y {
		return nil, fmt.Errorf("raw: pictures of %dx%d pixels cannot be decoded", size.X, size.Y)
	}
	d := &Decoder{format: formats[rank], size: size}
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
	d.arrange()
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
	if d.format.layout == packed {
		return (d.size.X + 1) / 2 * 4
	}
	return d.size.X * max(d.format.bytes, 1)
}

// arrange finds where the samples of luma, Cb and Cr are, and how many bytes that makes.
func (d *Decoder) arrange() {
	d.need = d.stride*(d.size.Y-1) + d.row()
	end := d.stride * d.size.Y // of the first plane
	chroma := image.Point{}
	if d.colour != nil {
		chroma = image.Pt(d.colour.CStride, len(d.colour.Cb)/d.colour.CStride)
	}
	for i, at := range d.format.at {
		s := samples{stride: d.stride, at: at, step: 1}
		switch layout := d.format.layout; {
		case layout == packed && i == 0:
			s.step = 2
		case layout == packed:
			s.step = 4
		case layout == semiplanar && i > 0:
			s.base, s.stride, s.step = end, (d.stride+1)&^1, 2
			if d.format.ratio == full {
				s.stride = 2 * d.stride
			}
			d.need = end + s.stride*(chroma.Y-1) + 2*chroma.X
		case layout == planar && i > 0:
			s.stride, s.at = (d.stride+1)/2, 0
			s.base = end + at*chroma.Y*s.stride
			d.need = end + s.stride*(2*chroma.Y-1) + chroma.X
		}
		d.from[i] = s
	}
}

// Decode returns the picture that b holds. The picture is the caller's until the next call of Decode. b may be used again
// at once. The error is ErrShort.
func (d *Decoder) Decode(b []byte) (image.Image, error) {
	if len(b) < d.need {
		return nil, ErrShort
	}
	img := d.colour
	switch {
	case d.format.layout == grey && d.format.bits == 8:
		d.from[0].sort(b, d.grey.Pix, d.grey.Stride, d.luma)
		return d.grey, nil
	case d.format.layout == grey:
		d.decodeGrey(b)
		return d.grey, nil
	case d.format.layout == rgb || d.format.layout == rgb565:
		d.decodeRGB(b)
	default:
		d.from[0].sort(b, img.Y, img.YStride, d.luma)
		d.from[1].sort(b, img.Cb, img.CStride, d.chroma)
		d.from[2].sort(b, img.Cr, img.CStride, d.chroma)
	}
	return img, nil
}

// sort sorts samples into a plane. A table says what becomes of each.
func (s samples) sort(b []byte, plane []uint8, width int, table *[256]uint8) {
	for y := range len(plane) / width {
		from, to := b[s.base+y*s.stride+s.at:], plane[y*width:][:width]
		switch {
		case s.step == 1 && table == &same:
			copy(to, from)
		case s.step == 1:
			for x, v := range from[:len(to)] {
				to[x] = table[v]
			}
		default:
			from = from[:(width-1)*s.step+1]
			for x := range to {
				to[x] = table[from[x*s.step]]
			}
		}
	}
}

func (d *Decoder) decodeRGB(b []byte) {
	img, step, at := d.colour, d.format.bytes, d.format.at
	for y := range d.size.Y {
		row := b[y*d.stride:][:d.row()]
		ys, cbs, crs := img.Y[y*img.YStride:][:d.size.X], img.Cb[y*img.CStride:][:d.size.X], img.Cr[y*img.CStride:][:d.size.X]
		for x := range ys {
			p := row[x*step:][:step:step]
			if d.format.layout == rgb565 {
				v := binary.LittleEndian.Uint16(p)
				r, g, b := uint8(v>>11), uint8(v>>5&0x3F), uint8(v&0x1F)
				ys[x], cbs[x], crs[x] = color.RGBToYCbCr(r<<3|r>>2, g<<2|g>>4, b<<3|b>>2)
			} else {
				ys[x], cbs[x], crs[x] = color.RGBToYCbCr(p[at[0]], p[at[1]], p[at[2]])
			}
		}
	}
}

func (d *Decoder) decodeGrey(b []byte) {
	for y := range d.size.Y {
		row, to := b[y*d.stride:][:d.row()], d.grey.Pix[y*d.grey.Stride:][:d.size.X]
		for x := range to {
			v := binary.LittleEndian.Uint16(row[2*x:])
			to[x] = d.luma[uint8(v>>(d.format.bits-8))]
		}
	}
}
