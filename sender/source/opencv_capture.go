//go:build gocv

package source

import (
	"fmt"
	"image"
	"image/color"
	"runtime"
	"time"

	"gocv.io/x/gocv"
)

// HasOpenCV reports whether this program is built with OpenCV.
const HasOpenCV = true

// OpenCVVersion returns the versions of OpenCV and gocv, for people.
func OpenCVVersion() string {
	return fmt.Sprintf("OpenCV %s (gocv %s)", gocv.OpenCVVersion(), gocv.Version())
}

// A videoCapture is a cv::VideoCapture as a [capture].
type videoCapture struct {
	name    openCVName
	video   *gocv.VideoCapture
	picture gocv.Mat
	quality *qualityDial
	text    string
	encoded func(time.Duration)
}

func openCapture(name openCVName, o Options) (capture, error) {
	if err := name.check(); err != nil {
		return nil, err
	}
	video, err := gocv.OpenVideoCaptureWithAPI(name.text, backend(name))
	if err != nil {
		video.Close()
		if name.device {
			return nil, fmt.Errorf("the camera %v does not open: does another program use it?", name)
		}
		return nil, fmt.Errorf("OpenCV cannot open %v: nothing answers there, or OpenCV does not support this kind", name)
	}
	v := &videoCapture{name, video, gocv.NewMat(), newQualityDial(o), o.Text, o.Encoded}
	v.wish(o)
	return v, nil
}

// backend chooses the OpenCV backend for a name. Without a choice OpenCV tries all of them, and each that fails writes to
// standard error.
func backend(name openCVName) gocv.VideoCaptureAPI {
	choice := gocv.VideoCaptureAny
	switch {
	case name.device && runtime.GOOS == "linux":
		return gocv.VideoCaptureV4L2 // OpenCV would try GStreamer first, and GStreamer ignores wishes
	case name.isPipeline():
		choice = gocv.VideoCaptureGstreamer
	case !name.device && !name.isSequence():
		choice = gocv.VideoCaptureFFmpeg
	}
	if !gocv.VideoRegistry.HasBackend(choice) {
		return gocv.VideoCaptureAny
	}
	return choice
}

// wish asks a camera for what the options say. It may do something else. MJPG comes first: USB 2 is too slow for 30 raw
// pictures of 720p a second.
func (v *videoCapture) wish(o Options) {
	if v.name.device {
		v.video.Set(gocv.VideoCaptureFOURCC, v.video.ToCodec("MJPG"))
	}
	if o.Size.X != 0 {
		v.video.Set(gocv.VideoCaptureFrameWidth, float64(o.Size.X))
		v.video.Set(gocv.VideoCaptureFrameHeight, float64(o.Size.Y))
	}
	if _, recording := v.recording(); o.FPS != 0 && !recording {
		v.video.Set(gocv.VideoCaptureFPS, o.FPS)
	}
}

func (v *videoCapture) recording() (fps float64, ok bool) {
	if fps = v.video.Get(gocv.VideoCaptureFPS); !(fps >= 0.001 && fps <= maxFPS) {
		fps = 0
	}
	return fps, !v.name.device && v.video.Get(gocv.VideoCaptureFrameCount) > 0
}

func (v *videoCapture) read() (jpeg []byte, at time.Time, err error) {
	ok := v.video.Read(&v.picture)
	at = time.Now()
	if !ok || v.picture.Empty() {
		return nil, at, nil
	}
	v.write(at)
	if jpeg, err = encodeMat(v.picture, v.quality.next()); err != nil {
		return nil, at, fmt.Errorf("%v: %w", v.name, err)
	}
	v.encoded(time.Since(at))
	return jpeg, at, nil
}

// write writes the text into the picture, as [overlay] does.
func (v *videoCapture) write(at time.Time) {
	if v.text == "" {
		return
	}
	text, _ := expand(v.text, at) // Options.check has tried
	const font, line = gocv.FontHersheyDuplex, 24
	size, scale := v.picture.Size(), float64(v.picture.Rows())/line/22 // letters of that font are 22 pixels high
	box := gocv.GetTextSize(text, font, scale, 1)
	bottom, margin := size[0], box.Y/2
	gocv.Rectangle(&v.picture, image.Rect(0, bottom-box.Y-2*margin, box.X+2*margin, bottom), color.RGBA{}, -1)
	white := color.RGBA{R: 255, G: 255, B: 255}
	gocv.PutText(&v.picture, text, image.Pt(margin, bottom-margin), font, scale, white, 1)
}

func (v *videoCapture) close() {
	v.video.Close()
	v.picture.Close()
}
