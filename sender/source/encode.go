package source

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"runtime"
	"sync"
	"time"

	"udpcam/protocol/mjpeg"
)

// A jpegEncoder encodes pictures of one kind, each into memory of its own, since frames may be kept: with OpenCV if it
// is built in, and otherwise with image/jpeg.
//
// With image/jpeg, a large picture is cut into strips, one for each processor up to maxStrips. They are encoded at the same
// time and joined with restart markers: see [mjpeg.Join]. The work is the same, but the frame is ready sooner.
type jpegEncoder struct {
	quality *qualityDial
	encoded func(took time.Duration)
	fast    *fastEncoder
	last    int // the length of the last JPEG, which the next will be near
}

const (
	// maxStrips is the largest number of strips. With more, waiting for processors takes longer than the work.
	maxStrips = 4
	// smallPicture is the largest picture, in pixels, that is not worth cutting.
	smallPicture = 320 * 240
	// mcu is how many rows image/jpeg encodes at a time, at most: those of a block with chroma at half the resolution.
	mcu = 16
)

func newJPEGEncoder(o Options) *jpegEncoder {
	return &jpegEncoder{quality: newQualityDial(o), encoded: o.Encoded, fast: newFastEncoder()}
}

// A cuttable is a picture that strips can be cut from.
type cuttable interface {
	image.Image
	SubImage(image.Rectangle) image.Image
}

func (e *jpegEncoder) encode(img image.Image) ([]byte, error) {
	began, quality := time.Now(), e.quality.next()
	picture, ok, err := e.fast.encode(img, quality)
	if !ok {
		picture, err = e.pieces(img, &jpeg.Options{Quality: quality})
	}
	if err != nil {
		return nil, fmt.Errorf("encoding a picture of %v pixels: %w", img.Bounds().Size(), err)
	}
	e.last = len(picture)
	e.encoded(time.Since(began))
	return picture, nil
}

func (e *jpegEncoder) pieces(img image.Image, o *jpeg.Options) ([]byte, error) {
	whole, ok := img.(cuttable)
	size := img.Bounds().Size()
	rows := (size.Y + mcu - 1) / mcu
	strips := min(runtime.GOMAXPROCS(0), maxStrips)
	height := (rows + strips - 1) / strips * mcu
	strips = (size.Y + height - 1) / height // the last may have become needless
	if !ok || strips < 2 || size.X*size.Y <= smallPicture {
		b := bytes.NewBuffer(make([]byte, 0, e.last+e.last/8))
		err := jpeg.Encode(b, img, o)
		return b.Bytes(), err
	}
	encoded, errs := make([][]byte, strips), make([]error, strips)
	var running sync.WaitGroup
	for i := range strips {
		strip := whole.Bounds()
		strip.Min.Y += i * height
		if i < strips-1 {
			strip.Max.Y = strip.Min.Y + height
		}
		encode := func() {
			b := bytes.NewBuffer(make([]byte, 0, e.last/strips+e.last/16))
			errs[i] = jpeg.Encode(b, whole.SubImage(strip), o)
			encoded[i] = b.Bytes()
		}
		if i < strips-1 {
			running.Go(encode)
		} else {
			encode()
		}
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return mjpeg.Join(encoded)
}
