//go:build gocv

package sink

/*
#cgo pkg-config: opencv4
#cgo CXXFLAGS: -std=c++11
#include <stdlib.h>
int udpcam_open_window(const char *name);
*/
import "C"

import (
	"fmt"
	"image"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"gocv.io/x/gocv"
)

// Package initialisation runs on the process's main thread. This locks the main goroutine to that thread, so that
// [Window.Run] stays there too.
func init() { runtime.LockOSThread() }

// highGUI is OpenCV's HighGUI as a [screen].
type highGUI struct {
	size         image.Point // of the display, zero if unknown
	closeDisplay func()
	views        atomic.Int32
	large        sync.Mutex // held while a large picture is decoded
}

func openScreen() (screen, error) {
	size, closeDisplay, err := openDisplay()
	if err != nil {
		return nil, err
	}
	return &highGUI{size: size, closeDisplay: closeDisplay}, nil
}

func (g *highGUI) view(title string) view {
	// HighGUI identifies windows by their names. So the names contain nothing that came from the network.
	return &highGUIView{name: fmt.Sprintf("udpcam-%d", g.views.Add(1)), title: title, screen: g}
}

// events takes some 2 ms. That is the least that OpenCV's Qt window allows.
func (g *highGUI) events() (key int) { return gocv.WaitKey(1) }

func (g *highGUI) close() { g.closeDisplay() }

// highGUIView is one HighGUI window.
type highGUIView struct {
	name, title string
	screen      *highGUI
	window      *gocv.Window // nil before the first show

	mu      sync.Mutex
	picture gocv.Mat // zero before the first decode
	scale   int      // how many times wider the JPEG is
}

func (v *highGUIView) decode(jpeg []byte) bool {
	picture, scale, ok := v.screen.decode(jpeg)
	if !ok {
		return false
	}
	v.mu.Lock()
	v.picture, picture = picture, v.picture
	v.scale = scale
	v.mu.Unlock()
	free(&picture)
	return true
}

func (v *highGUIView) show() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.window == nil {
		if err := v.open(); err != nil {
			return err
		}
	}
	if err := v.window.IMShow(v.picture); err != nil {
		return fmt.Errorf("the window cannot show a picture: %w", err)
	}
	return nil
}

// open opens the window, as large as the picture but no larger than most of the screen.
func (v *highGUIView) open() error {
	name := C.CString(v.name)
	defer C.free(unsafe.Pointer(name))
	if C.udpcam_open_window(name) != 0 {
		return fmt.Errorf("OpenCV cannot open a window: is it built with a user interface? %w", ErrNoDisplay)
	}
	v.window = gocv.NewWindow(v.name)
	if err := v.window.SetWindowTitle(v.title); err != nil {
		return fmt.Errorf("the window cannot have a title: %w", err)
	}
	size := fit(image.Pt(v.picture.Cols(), v.picture.Rows()).Mul(v.scale), v.screen.size.Mul(9).Div(10))
	return v.window.ResizeWindow(size.X, size.Y)
}

func (v *highGUIView) visible() bool {
	return v.window.GetWindowProperty(gocv.WindowPropertyVisible) >= 1
}

func (v *highGUIView) close() {
	if v.window != nil {
		v.window.Close()
	}
	free(&v.picture)
}

// free frees a Mat, unless there is none.
func free(m *gocv.Mat) {
	if m.Ptr() != nil {
		m.Close()
	}
}

// fit returns size, reduced in proportion until it fits into room. A room of zero is unknown.
func fit(size, room image.Point) image.Point {
	if room.X > 0 && size.X > room.X {
		size = image.Pt(room.X, size.Y*room.X/size.X)
	}
	if room.Y > 0 && size.Y > room.Y {
		size = image.Pt(size.X*room.Y/size.Y, room.Y)
	}
	return image.Pt(max(size.X, 1), max(size.Y, 1))
}
