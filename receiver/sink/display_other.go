//go:build gocv && !linux

package sink

import "image"

// openDisplay leaves it to the system: Windows and macOS always have a display.
func openDisplay() (size image.Point, closeDisplay func(), err error) {
	return image.Point{}, func() {}, nil
}
