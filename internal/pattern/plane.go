package pattern

import (
	"image"
	"image/draw"
)

// A plane is one component of a picture: width × height samples, those of a row step bytes apart, the rows stride.
type plane struct {
	pix           []uint8
	stride, step  int
	width, height int
}

// A line is a row or a column of a plane: count samples, step bytes apart.
type line struct {
	pix         []uint8
	step, count int
}

// lumaOf returns the lightness of a picture. Green is taken for it where the picture has red, green and blue: the code
// is black and white, and a picture of two megapixels need not be converted for it. A picture of a type that has no
// plane of bytes is copied.
func lumaOf(img image.Image) plane {
	b := img.Bounds()
	p := plane{width: b.Dx(), height: b.Dy()}
	switch img := img.(type) {
	case *image.YCbCr:
		p.pix, p.stride, p.step = img.Y[img.YOffset(b.Min.X, b.Min.Y):], img.YStride, 1
	case *image.Gray:
		p.pix, p.stride, p.step = img.Pix[img.PixOffset(b.Min.X, b.Min.Y):], img.Stride, 1
	case *image.RGBA:
		p.pix, p.stride, p.step = img.Pix[img.PixOffset(b.Min.X, b.Min.Y)+1:], img.Stride, 4
	case *image.NRGBA:
		p.pix, p.stride, p.step = img.Pix[img.PixOffset(b.Min.X, b.Min.Y)+1:], img.Stride, 4
	default:
		whole := image.NewRGBA(b)
		draw.Draw(whole, b, img, b.Min, draw.Src)
		p.pix, p.stride, p.step = whole.Pix[1:], whole.Stride, 4
	}
	return p
}

func (p plane) at(x, y int) uint8 { return p.pix[y*p.stride+x*p.step] }

func (p plane) row(y int) line { return line{p.pix[y*p.stride:], p.step, p.width} }

// column returns the samples of column x in the rows from top up to bottom.
func (p plane) column(x, top, bottom int) line {
	return line{p.pix[top*p.stride+x*p.step:], p.stride, bottom - top}
}
