package source

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"runtime"
	"sync"
	"time"

	"udpcam/protocol/mjpeg"
)

// A jpegEncoder encodes pictures of one kind. Each JPEG has memory of its own, since frames may be kept. OpenCV encodes if
// it is built in, and otherwise image/jpeg. A large picture is then cut into strips, one for each processor up to
// maxStrips. They are encoded at the same time and joined: see [mjpeg.Join]. The work is the same, but the frame is ready
// sooner.
type jpegEncoder struct {
	quality *qualityDial
	encoded func(took time.Duration)
	overlay overlay
	fast    *fastEncoder
	last    int // the length of the last JPEG; the next one will be similar
}

const (
	// maxStrips is the largest number of strips. With more, waiting for processors takes longer than the work.
	maxStrips = 4
	// smallPicture is the largest picture, in pixels, that is not worth cutting.
	smallPicture = 320 * 240
	// mcu is the most rows that image/jpeg encodes at a time: those of a block whose chroma has half the resolution.
	mcu = 16
)

func newJPEGEncoder(o Options) *jpegEncoder {
	return &jpegEncoder{quality: newQualityDial(o), encoded: o.Encoded, overlay: overlay{text: o.Text}, fast: newFastEncoder()}
}

// encode writes the text of the options, with the time of capture, into a picture and encodes it.
func (e *jpegEncoder) encode(img image.Image, captured time.Time) ([]byte, error) {
	e.overlay.draw(img, captured)
	began, quality := time.Now(), e.quality.next()
	picture, ok, err := e.fast.encode(img, quality)
	if !ok {
		picture, err = e.encodeStrips(cut(img), &jpeg.Options{Quality: quality})
	}
	if err != nil {
		return nil, fmt.Errorf("encoding a picture of %v pixels: %w", img.Bounds().Size(), err)
	}
	e.last = len(picture)
	e.encoded(time.Since(began))
	return picture, nil
}

// cut cuts a picture into strips. A small picture, or one of a type that cannot be cut, is one strip.
func cut(img image.Image) (strips []image.Image) {
	whole, ok := img.(interface {
		SubImage(image.Rectangle) image.Image
	})
	b := img.Bounds()
	rows := (b.Dy() + mcu - 1) / mcu
	n := min(runtime.GOMAXPROCS(0), maxStrips)
	if !ok || n < 2 || b.Dx()*b.Dy() <= smallPicture {
		return []image.Image{img}
	}
	height := (rows + n - 1) / n * mcu
	for y := b.Min.Y; y < b.Max.Y; y += height {
		strips = append(strips, whole.SubImage(image.Rect(b.Min.X, y, b.Max.X, min(y+height, b.Max.Y))))
	}
	return strips
}

func (e *jpegEncoder) encodeStrips(strips []image.Image, o *jpeg.Options) ([]byte, error) {
	encoded, errs := make([][]byte, len(strips)), make([]error, len(strips))
	encode := func(i int) {
		b := bytes.NewBuffer(make([]byte, 0, e.last/len(strips)*9/8))
		errs[i] = jpeg.Encode(b, strips[i], o)
		encoded[i] = b.Bytes()
	}
	var running sync.WaitGroup
	for i := range len(strips) - 1 {
		running.Go(func() { encode(i) })
	}
	encode(len(strips) - 1)
	running.Wait()
	if err := errors.Join(errs...); err != nil || len(strips) == 1 {
		return encoded[0], err
	}
	return mjpeg.Join(encoded)
}
