//go:build gocv

package source

import (
	"bytes"
	"errors"
	"image"

	"gocv.io/x/gocv"
)

// fastEncode encodes a picture with OpenCV, whose encoder (libjpeg-turbo) takes less than half of the time of image/jpeg.
// A picture that it cannot take is not ok.
func fastEncode(img image.Image, quality int) (jpeg []byte, ok bool, err error) {
	var picture gocv.Mat
	switch img := img.(type) {
	case *image.YCbCr:
		if picture, ok = matOf(img); !ok {
			return nil, false, nil
		}
	case *image.Gray:
		picture = planeOf(img.Pix, img.Stride, img.Rect.Size())
	default:
		return nil, false, nil
	}
	defer picture.Close()
	native, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, picture, []int{gocv.IMWriteJpegQuality, quality})
	if err != nil {
		native.Close() // there is one even so
		return nil, true, errors.New("OpenCV cannot encode it: " + err.Error())
	}
	defer native.Close()
	return bytes.Clone(native.GetBytes()), true, nil
}

// planeOf copies a plane of samples.
func planeOf(pix []uint8, stride int, size image.Point) gocv.Mat {
	m := gocv.NewMatWithSize(size.Y, size.X, gocv.MatTypeCV8U)
	to, err := m.DataPtrUint8()
	if err != nil { // only of a Mat that is not one piece, or not of bytes
		panic(err)
	}
	for y := range size.Y {
		copy(to[y*size.X:][:size.X], pix[y*stride:])
	}
	return m
}

// matOf makes a picture of blue, green and red of one of luma and chroma, both as JFIF has them.
func matOf(img *image.YCbCr) (bgr gocv.Mat, ok bool) {
	size := img.Rect.Size()
	if img.Rect.Min != (image.Point{}) || img.CStride == 0 {
		return bgr, false
	}
	chroma := image.Pt(img.CStride, len(img.Cb)/img.CStride)
	planes := []gocv.Mat{ // in OpenCV's order
		planeOf(img.Y, img.YStride, size), planeOf(img.Cr, img.CStride, chroma), planeOf(img.Cb, img.CStride, chroma),
	}
	for i := range planes {
		defer planes[i].Close()
		if i > 0 && chroma != size {
			gocv.Resize(planes[i], &planes[i], size, 0, 0, gocv.InterpolationNearestNeighbor)
		}
	}
	bgr = gocv.NewMat()
	gocv.Merge(planes, &bgr)
	gocv.CvtColor(bgr, &bgr, gocv.ColorYCrCbToBGR)
	return bgr, true
}
