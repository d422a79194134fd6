//go:build !gocv

package source

// HasOpenCV reports whether this program is built with OpenCV.
const HasOpenCV = false

// OpenCVVersion returns "": there is no OpenCV.
func OpenCVVersion() string { return "" }

func openCapture(openCVName, Options) (capture, error) { return nil, ErrNoOpenCV }
