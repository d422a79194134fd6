//go:build !gocv

package sink

// openScreen says that there is no OpenCV to open a screen with.
func openScreen() (screen, error) { return nil, ErrNoWindow }
