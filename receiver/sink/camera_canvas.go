package sink

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"

	"golang.org/x/image/draw"

	"udpcam/internal/v4l2"
	"udpcam/protocol/mjpeg"
)

var codeYUYV, codeMJPEG = v4l2.Code("YUYV"), v4l2.Code("MJPG")

// fittedQuality is the quality of JPEGs that were made only to have another size.
const fittedQuality = 85

// A cameraCanvas makes pictures of the format and size that a camera has. The zero value is ready.
type cameraCanvas struct {
	decoder mjpeg.Decoder
	scaled  *image.RGBA     // the picture between black bars, kept for its memory
	inside  image.Rectangle // where the picture is in it
	yuyv    []byte
	jpeg    bytes.Buffer
}

// draw returns a picture in that mode. It is valid until the next call.
func (c *cameraCanvas) draw(picture []byte, mode v4l2.Mode) ([]byte, error) {
	img, err := c.decoder.Decode(picture, mode.Size)
	if err != nil {
		return nil, err
	}
	bounds := img.Bounds()
	direct, ok := img.(*image.YCbCr)
	switch {
	case mode.Code == codeMJPEG:
		c.jpeg.Reset()
		err := jpeg.Encode(&c.jpeg, c.fit(img, mode.Size), &jpeg.Options{Quality: fittedQuality})
		return c.jpeg.Bytes(), err
	case ok && bounds.Dx()&^1 == mode.Size.X && bounds.Dy() == mode.Size.Y:
		c.fromYCbCr(direct, mode)
	default:
		c.fromRGBA(c.fit(img, mode.Size), mode)
	}
	return c.yuyv, nil
}

// fit returns a picture scaled to a size, between black bars if its proportions are others.
func (c *cameraCanvas) fit(img image.Image, size image.Point) *image.RGBA {
	inside := fitted(img.Bounds().Size(), size)
	corner := size.Sub(inside).Div(2)
	to := image.Rectangle{Min: corner, Max: corner.Add(inside)}
	if c.scaled == nil || c.scaled.Rect.Max != size || c.inside != to {
		c.scaled, c.inside = image.NewRGBA(image.Rectangle{Max: size}), to
	}
	draw.ApproxBiLinear.Scale(c.scaled, to, img, img.Bounds(), draw.Src, nil)
	return c.scaled
}

// fitted returns the largest size with the proportions of a picture that has room in a frame.
func fitted(picture, room image.Point) image.Point {
	if room.X*picture.Y > room.Y*picture.X {
		return image.Pt(max(1, room.Y*picture.X/picture.Y), room.Y)
	}
	return image.Pt(room.X, max(1, room.X*picture.Y/picture.X))
}

// JPEGs use all values of a byte. YUYV has luma from 16 to 235 and chroma from 16 to 240 (ITU-R BT.601), as all programs
// expect that read a camera.
var limitedLuma, limitedChroma = func() (luma, chroma [256]uint8) {
	for i := range 256 {
		luma[i] = uint8(16 + (i*219+127)/255)
		chroma[i] = uint8(16 + (i*224+127)/255)
	}
	return luma, chroma
}()

// row returns the memory of a row.
func (c *cameraCanvas) row(y int, mode v4l2.Mode) []byte {
	stride := max(mode.Stride, 2*mode.Size.X)
	if size := stride * mode.Size.Y; len(c.yuyv) != size {
		c.yuyv = make([]byte, size)
	}
	return c.yuyv[y*stride:][:2*mode.Size.X]
}

// fromYCbCr fills c.yuyv with a picture that has the device's size already.
func (c *cameraCanvas) fromYCbCr(img *image.YCbCr, mode v4l2.Mode) {
	for y := range mode.Size.Y {
		row, at := c.row(y, mode), img.Rect.Min.Add(image.Pt(0, y))
		luma := img.Y[img.YOffset(at.X, at.Y):][:mode.Size.X]
		first := img.COffset(at.X, at.Y)
		for x := 0; x+1 < len(luma); x += 2 {
			a, b := first+x, first+x+1 // of the two pixels: the mean of their chroma
			switch img.SubsampleRatio {
			case image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420:
				a = first + x/2
				b = a
			case image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410:
				a = first + x/4
				b = a
			}
			pixels := row[2*x:][:4]
			pixels[0], pixels[2] = limitedLuma[luma[x]], limitedLuma[luma[x+1]]
			pixels[1] = limitedChroma[(int(img.Cb[a])+int(img.Cb[b])+1)/2]
			pixels[3] = limitedChroma[(int(img.Cr[a])+int(img.Cr[b])+1)/2]
		}
	}
}

// fromRGBA fills c.yuyv with a picture of the device's size.
func (c *cameraCanvas) fromRGBA(img *image.RGBA, mode v4l2.Mode) {
	for y := range mode.Size.Y {
		row, pixels := c.row(y, mode), img.Pix[y*img.Stride:]
		for x := 0; x+1 < mode.Size.X; x += 2 {
			p := pixels[4*x:][:8]
			ya, cba, cra := color.RGBToYCbCr(p[0], p[1], p[2])
			yb, cbb, crb := color.RGBToYCbCr(p[4], p[5], p[6])
			to := row[2*x:][:4]
			to[0], to[2] = limitedLuma[ya], limitedLuma[yb]
			to[1] = limitedChroma[(int(cba)+int(cbb)+1)/2]
			to[3] = limitedChroma[(int(cra)+int(crb)+1)/2]
		}
	}
}
