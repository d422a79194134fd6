// Package v4l2 speaks to cameras through Linux's Video4Linux2 (https://docs.kernel.org/userspace-api/media/v4l/v4l2.html).
// It tells what a camera can do, sets its controls, and gives its pictures with the driver's time and sequence number. An
// [Output] goes the other way: it writes to a device that others read as a camera. On other systems nothing can be opened.
//
// # The data's way
//
//	camera ──USB──> driver ──> one of a few buffers, mapped into this process ──> Device.Next ──> the caller, who reads
//	                               ^                                                              the buffer in place
//	                               └───────────────────── Device.Next, the next time ───────────────────┘
//
// A picture is the caller's until it calls Next again. Next waits until the driver has filled a buffer. If it has filled
// several, Next returns the newest. The others go back unseen, and are counted. So a caller that is slow for a moment does
// not stay behind.
//
// A Device is for one goroutine. It knows nothing of JPEG: the [FourCC] of its [Mode] says what a picture's bytes mean.
package v4l2

import (
	"errors"
	"fmt"
	"image"
	"strings"
	"time"
)

var (
	// ErrSystem means that this system has no Video4Linux2.
	ErrSystem = errors.New("V4L2 cameras exist on Linux only; elsewhere a camera needs OpenCV: opencv:0")
	// ErrNoCamera means that a device takes no pictures: for example a television output, the metadata of a camera, or an
	// encoder.
	ErrNoCamera = errors.New("it takes no pictures")
	// ErrNoOutput means that no pictures can be written to a device: for example to a camera.
	ErrNoOutput = errors.New("no pictures can be written to it")
	// ErrRoom means that a picture has more bytes than a device takes.
	ErrRoom = errors.New("the picture has too many bytes for the device")
	// ErrBusy means that another program uses the camera, or writes to the device.
	ErrBusy = errors.New("another program uses it")
	// ErrGone means that the camera has been unplugged.
	ErrGone = errors.New("it has been unplugged")
	// ErrSilent means that no picture has come within the time that the caller of Next was willing to wait.
	ErrSilent = errors.New("it gives no pictures")
)

// A FourCC names how a picture is laid out in memory, by four characters.
type FourCC uint32

// Code returns the FourCC of four characters, such as "MJPG".
func Code(s string) FourCC {
	s = (s + "    ")[:4]
	return FourCC(s[0]) | FourCC(s[1])<<8 | FourCC(s[2])<<16 | FourCC(s[3])<<24
}

// String returns the four characters without trailing spaces. The top bit, which means big-endian, becomes "-BE".
func (f FourCC) String() string {
	big := ""
	if f>>31 != 0 {
		f, big = f&^(1<<31), "-BE"
	}
	s := string([]byte{byte(f), byte(f >> 8), byte(f >> 16), byte(f >> 24)})
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.TrimRight(s, " \x00")) + big
}

// Info is what a device says of itself.
type Info struct {
	Path   string `json:"path"`
	Name   string `json:"name"`   // of the camera, for people
	Driver string `json:"driver"` // of the kernel
	Bus    string `json:"bus"`    // where it is plugged in
}

// A Format is a way in which a device can give pictures.
type Format struct {
	Code        FourCC `json:"-"`
	Description string `json:"description"`
	Sizes       []Size `json:"sizes"`
}

// A Size is one picture size of a format, or a range of sizes.
type Size struct {
	Min, Max, Step image.Point // Min and Max are the same, and Step is zero, for one size
	Rates          []float64   // frames a second, the highest first; none if the device does not say
	AnyRate        bool        // any rate between the first and the last of Rates
}

// Nearest returns the size in the range that is nearest to want.
func (s Size) Nearest(want image.Point) image.Point {
	along := func(want, low, high, step int) int {
		n := min(max(want, low), high)
		if step > 1 {
			n = low + (n-low)/step*step
		}
		return n
	}
	return image.Pt(along(want.X, s.Min.X, s.Max.X, s.Step.X), along(want.Y, s.Min.Y, s.Max.Y, s.Step.Y))
}

// String returns "640x480", or "48x48 to 1920x1080".
func (s Size) String() string {
	text := fmt.Sprintf("%dx%d", s.Min.X, s.Min.Y)
	if s.Max != s.Min {
		text += fmt.Sprintf(" to %dx%d", s.Max.X, s.Max.Y)
	}
	return text
}

// A Mode is how a device gives pictures.
type Mode struct {
	Code FourCC
	Size image.Point
	FPS  float64 // 0 if the device does not say

	Stride    int  // bytes from one row to the next, of the first plane; 0 for compressed pictures
	FullRange bool // luma and chroma take all values from 0 to 255, and not 16 to 235 and 240
}

// String returns "1280x720 MJPG, 30 fps".
func (m Mode) String() string {
	text := fmt.Sprintf("%dx%d %v", m.Size.X, m.Size.Y, m.Code)
	if m.FPS != 0 {
		text += fmt.Sprintf(", %.4g fps", m.FPS)
	}
	return text
}

// A Picture is one that the driver has filled a buffer with.
type Picture struct {
	// Data is the driver's memory. The caller may read it until the next call of Next.
	Data []byte
	// Captured is when the driver took the picture. If the driver does not say, it is when the picture came.
	Captured time.Time
	// Sequence counts the frames since Start, as the driver does. It also counts frames for which the driver had no buffer.
	Sequence uint32
	// Stale and Damaged count the pictures that Next skipped before this one: older ones, and ones that the driver calls
	// incomplete.
	Stale, Damaged int
}

// A Control is something that can be set on a device.
type Control struct {
	ID       uint32      `json:"id"`
	Name     string      `json:"name"`  // as it is set: auto_exposure
	Title    string      `json:"title"` // as the driver calls it: Auto Exposure
	Kind     ControlKind `json:"kind"`
	Min      int64       `json:"min"`
	Max      int64       `json:"max"`
	Step     uint64      `json:"step"`
	Default  int64       `json:"default"`
	Value    int64       `json:"value"`
	Menu     []MenuItem  `json:"menu,omitempty"` // the values that there are, for Menu
	ReadOnly bool        `json:"read_only,omitempty"`
	Inactive bool        `json:"inactive,omitempty"` // another control decides now

	wide bool // its value has 64 bits
}

// A MenuItem is one value of a control, and its name.
type MenuItem struct {
	Value int64  `json:"value"`
	Name  string `json:"name"`
}

// A ControlKind is what values a control takes.
type ControlKind string

const (
	Integer ControlKind = "integer"
	Boolean ControlKind = "boolean"
	Menu    ControlKind = "menu"
	Button  ControlKind = "button" // setting it to anything presses it
	Bits    ControlKind = "bits"
)

// nameOf makes a control's name of its title as v4l2-ctl does: letters and digits in lower case, all else becomes one
// underscore.
func nameOf(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9')
	})
	return strings.Join(words, "_")
}
