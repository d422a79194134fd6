package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sort"
	"sync"
	"time"

	"udpcam/internal/pattern"
	"udpcam/protocol/mjpeg"
)

// ErrPictures means that pictures cannot be used for measuring.
var ErrPictures = errors.New("these pictures cannot be used for measuring")

const pictureQuality = 80

// Pictures returns count pictures of the test pattern, all different. Like a camera's, they contain noise: enough to make
// them about bytes long. They are baseline JPEGs with the tables that RFC 2435 expects. The error wraps ErrPictures if no
// amount of noise gives that size.
func Pictures(ctx context.Context, size image.Point, bytes, count int) ([][]byte, error) {
	noise := newNoise()
	probe, err := pattern.New(size, "")
	if err != nil {
		return nil, err
	}
	const loudest = 127
	if longest := len(noise.encode(probe, 0, loudest)); longest < bytes {
		return nil, fmt.Errorf("%w: at %dx%d they have %d bytes at the most", ErrPictures, size.X, size.Y, longest)
	}
	amplitude := sort.Search(loudest, func(amplitude int) bool { return len(noise.encode(probe, 0, amplitude)) >= bytes })
	pictures := make([][]byte, count)
	var workers sync.WaitGroup
	for w := range runtime.NumCPU() {
		workers.Go(func() {
			p, _ := pattern.New(size, "") // the same call for probe had no error
			for i := w; i < count && ctx.Err() == nil; i += runtime.NumCPU() {
				pictures[i] = noise.encode(p, i, amplitude)
			}
		})
	}
	workers.Wait()
	return pictures, ctx.Err()
}

// A noise is like the noise of a camera's sensor.
type noise []int8

func newNoise() noise {
	n := make(noise, 1<<20)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		n[i] = int8(random.IntN(255) - 127)
	}
	return n
}

// encode returns picture i with noise of an amplitude from 0 to 127.
func (n noise) encode(p *pattern.Pattern, i, amplitude int) []byte {
	picture := p.Draw(pattern.Mark{Number: uint32(i), Captured: time.UnixMicro(int64(i) * 33_333)})
	at := i * 7919 % len(n)
	for j, v := range picture.Y {
		picture.Y[j] = uint8(min(max(int(v)+int(n[at])*amplitude/127, 0), 255))
		if at++; at == len(n) {
			at = 0
		}
	}
	var b bytes.Buffer
	jpeg.Encode(&b, picture, &jpeg.Options{Quality: pictureQuality}) // fails only if writing does
	return b.Bytes()
}

// ReadPictures returns the first count pictures of a file of concatenated JPEGs. The error wraps ErrPictures if there are
// fewer.
func ReadPictures(path string, count int) (pictures [][]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for r := mjpeg.NewReader(f, mjpeg.ReaderOptions{}); len(pictures) < count; {
		picture, err := r.Next()
		if err == io.EOF {
			return nil, fmt.Errorf("%w: %s has %d, and %d are needed", ErrPictures, path, len(pictures), count)
		}
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, picture)
	}
	return pictures, nil
}

// meanSize returns the mean size of pictures in bytes.
func meanSize(pictures [][]byte) (mean int) {
	for _, p := range pictures {
		mean += len(p)
	}
	return mean / max(1, len(pictures))
}
