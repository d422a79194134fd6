//go:build gocv

package source

import (
	"bytes"
	"fmt"
	"image"
	"runtime"

	"gocv.io/x/gocv"
)

// A fastEncoder encodes pictures with OpenCV, whose encoder (libjpeg-turbo) takes much less time than image/jpeg. It keeps
// its memory from one picture to the next, since new memory for each takes longer than the encoding.
type fastEncoder struct{ *mats }

// mats hold a picture while it is converted, in memory that is not Go's.
type mats struct {
	planes [3]gocv.Mat // luma, Cr and Cb, which is OpenCV's order
	wide   [3]gocv.Mat // Cr and Cb at the resolution of luma
	merged gocv.Mat
	bgr    gocv.Mat
}

func (m *mats) all() []*gocv.Mat {
	return []*gocv.Mat{&m.planes[0], &m.planes[1], &m.planes[2], &m.wide[0], &m.wide[1], &m.wide[2], &m.merged, &m.bgr}
}

// newFastEncoder returns an encoder. Its memory is freed when it is no longer used.
func newFastEncoder() *fastEncoder {
	m := new(mats)
	for _, mat := range m.all() {
		*mat = gocv.NewMat()
	}
	e := &fastEncoder{m}
	runtime.AddCleanup(e, func(m *mats) {
		for _, mat := range m.all() {
			mat.Close()
		}
	}, m)
	return e
}

// encode encodes a picture. If it cannot take that kind of picture, ok is false.
func (e *fastEncoder) encode(img image.Image, quality int) (jpeg []byte, ok bool, err error) {
	defer runtime.KeepAlive(e)
	var picture gocv.Mat
	switch img := img.(type) {
	case *image.YCbCr:
		if img.Rect.Min != (image.Point{}) || img.CStride == 0 {
			return nil, false, nil
		}
		picture = e.convert(img)
	case *image.Gray:
		picture = e.plane(0, img.Pix, img.Stride, img.Rect.Size())
	default:
		return nil, false, nil
	}
	jpeg, err = encodeMat(picture, quality)
	return jpeg, true, err
}

// encodeMat encodes a picture that OpenCV has.
func encodeMat(picture gocv.Mat, quality int) ([]byte, error) {
	native, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, picture, []int{gocv.IMWriteJpegQuality, quality})
	if err != nil {
		native.Close() // there is one even so
		return nil, fmt.Errorf("OpenCV cannot encode it: %w", err)
	}
	defer native.Close()
	return bytes.Clone(native.GetBytes()), nil
}

// plane copies a plane of samples.
func (m *mats) plane(i int, pix []uint8, stride int, size image.Point) gocv.Mat {
	p := &m.planes[i]
	if p.Cols() != size.X || p.Rows() != size.Y {
		p.Close()
		*p = gocv.NewMatWithSize(size.Y, size.X, gocv.MatTypeCV8U)
	}
	to, err := p.DataPtrUint8()
	if err != nil { // fails only if a Mat is not in one piece, or not of bytes
		panic(err)
	}
	for y := range size.Y {
		copy(to[y*size.X:][:size.X], pix[y*stride:])
	}
	return *p
}

// convert makes luma and chroma, as JFIF has them, into blue, green and red.
func (m *mats) convert(img *image.YCbCr) (bgr gocv.Mat) {
	size, chroma := img.Rect.Size(), image.Pt(img.CStride, len(img.Cb)/img.CStride)
	planes := []gocv.Mat{
		m.plane(0, img.Y, img.YStride, size), m.plane(1, img.Cr, img.CStride, chroma), m.plane(2, img.Cb, img.CStride, chroma),
	}
	if chroma != size {
		for i := 1; i < len(planes); i++ {
			gocv.Resize(planes[i], &m.wide[i], size, 0, 0, gocv.InterpolationNearestNeighbor)
			planes[i] = m.wide[i]
		}
	}
	gocv.Merge(planes, &m.merged)
	gocv.CvtColor(m.merged, &m.bgr, gocv.ColorYCrCbToBGR)
	return m.bgr
}
