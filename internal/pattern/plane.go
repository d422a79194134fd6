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

// lumaOf returns the lightness of a picture. Green is taken for it where the picture has red, green and blue: the code
// is black and white, and a picture of two megapixels need not be converted for it. A picture of a type that has no
// plane of bytes is copied.
func lumaOf(img image.Image) plane {
	b := img.Bounds()
	of := func(pix []uint8, stride, step int) plane { return plane{pix, stride, step, b.Dx(), b.Dy()} }
	switch img := img.(type) {
	case *image.YCbCr:
		return of(img.Y[img.YOffset(b.Min.X, b.Min.Y):], img.YStride, 1)
	case *image.Gray:
		return of(img.Pix[img.PixOffset(b.Min.X, b.Min.Y):], img.Stride, 1)
	case *image.RGBA:
		return of(img.Pix[img.PixOffset(b.Min.X, b.Min.Y)+1:], img.Stride, 4)
	case *image.NRGBA:
		return of(img.Pix[img.PixOffset(b.Min.X, b.Min.Y)+1:], img.Stride, 4)
	}
	whole := image.NewRGBA(b)
	draw.Draw(whole, b, img, b.Min, draw.Src)
	return of(whole.Pix[1:], whole.Stride, 4)
}
