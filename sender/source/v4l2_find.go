package source

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"udpcam/internal/v4l2"
)

// explainCamera says why a camera cannot be used, and what to do.
func explainCamera(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: no camera %s: %s", ErrName, path, otherCameras(path))
	case errors.Is(err, fs.ErrPermission):
		group := v4l2.Group(path)
		if group == "" || group == "root" {
			return fmt.Errorf("the camera %s may be opened by root only: %w", path, fs.ErrPermission)
		}
		return fmt.Errorf("the camera %s is for members of the group %s: sudo usermod -aG %s $USER, then log in again: %w",
			path, group, group, fs.ErrPermission)
	case errors.Is(err, v4l2.ErrBusy):
		by := v4l2.User(path)
		if by == "" {
			by = "another program"
		}
		return fmt.Errorf("the camera %s is in use by %s: end that first, or let udpcam pass its pictures on: %w", path, by, err)
	case errors.Is(err, v4l2.ErrNoCamera):
		return fmt.Errorf("%w: %s is no camera, %w: %s", ErrName, path, v4l2.ErrNoCamera, otherCameras(path))
	case errors.Is(err, v4l2.ErrSilent):
		return fmt.Errorf("the camera %s gives no pictures: unplug it and plug it in again, or choose another --size or "+
			"--format: %w", path, err)
	}
	return fmt.Errorf("camera %s: %w", path, err)
}

// otherCameras says which cameras there are besides the one at a path.
func otherCameras(path string) string {
	var found []string
	for _, other := range v4l2.Paths() {
		device, err := v4l2.Open(other)
		name := ""
		if err == nil {
			name = " (" + device.Info().Name + ")"
			device.Close()
		}
		if other != path && !errors.Is(err, v4l2.ErrNoCamera) {
			found = append(found, other+name)
		}
	}
	if len(found) == 0 {
		return "this machine has none; --source test: needs none"
	}
	return "there is " + strings.Join(found, ", ")
}

// A CameraInfo is what is known of a camera of this machine.
type CameraInfo struct {
	Source   string         `json:"source"` // its name as a source
	OpenCV   string         `json:"opencv,omitempty"`
	Links    []string       `json:"links,omitempty"` // names that stay the same when the camera gets another plug or number
	Problem  string         `json:"problem,omitempty"`
	Usable   bool           `json:"usable"` // it has a format that can be sent
	Default  bool           `json:"default"`
	Formats  []CameraFormat `json:"formats"`
	Controls []v4l2.Control `json:"controls"`
	v4l2.Info
}

// A CameraFormat is a format of a camera.
type CameraFormat struct {
	Code   string       `json:"code"`
	JPEG   bool         `json:"jpeg"` // needs no encoding
	Usable bool         `json:"usable"`
	Sizes  []CameraSize `json:"sizes"`
	v4l2.Format
}

// A CameraSize is a size of a format, or a range, and its frames a second.
type CameraSize struct {
	Size    string    `json:"size"`
	FPS     []float64 `json:"fps"`
	AnyRate bool      `json:"any_rate,omitempty"` // all between the two of FPS
}

// Cameras lists the cameras of this machine with their formats, sizes, rates and controls. Devices that take no pictures
// are left out.
func Cameras() (cameras []CameraInfo) {
	hasDefault := false
	for _, path := range v4l2.Paths() {
		info := CameraInfo{Source: "v4l2:" + path, Links: v4l2.Links(path), Info: v4l2.Info{Path: path}}
		if HasOpenCV {
			info.OpenCV = "opencv:" + strings.TrimPrefix(path, "/dev/video")
		}
		device, err := v4l2.Open(path)
		if errors.Is(err, v4l2.ErrNoCamera) {
			continue
		}
		if err == nil {
			info.Info = device.Info()
			info.Formats, err = formatsOf(device)
			info.Controls, _ = device.Controls() // they are not what makes a camera
			device.Close()
		}
		info.Usable = slices.ContainsFunc(info.Formats, func(f CameraFormat) bool { return f.Usable })
		if err != nil {
			info.Problem = explainCamera(path, err).Error()
		} else if by := v4l2.User(path); by != "" {
			info.Problem = "open in " + by
		}
		info.Default = !hasDefault && info.Usable && info.Problem == ""
		hasDefault = hasDefault || info.Default
		cameras = append(cameras, info)
	}
	return cameras
}

func formatsOf(device videoDevice) (formats []CameraFormat, err error) {
	all, err := device.Formats()
	for _, f := range all {
		code := f.Code.String()
		format := CameraFormat{Code: code, JPEG: isJPEG(code), Usable: usable(code), Format: f}
		for _, s := range f.Sizes {
			format.Sizes = append(format.Sizes, CameraSize{Size: s.String(), FPS: s.Rates, AnyRate: s.AnyRate})
		}
		formats = append(formats, format)
	}
	return formats, err
}
