//go:build !gocv

package source

import "image"

// HasOpenCV reports whether this program is built with OpenCV.
const HasOpenCV = false

// OpenCVVersion returns "": there is no OpenCV.
func OpenCVVersion() string { return "" }

func openCapture(openCVName, Options) (capture, error) { return nil, ErrNoOpenCV }

// A fastEncoder takes no picture: there is no faster encoder than image/jpeg in this build.
type fastEncoder struct{}

func newFastEncoder() *fastEncoder { return nil }

func (*fastEncoder) encode(image.Image, int) (jpeg []byte, ok bool, err error) {
	return nil, false, nil
}
