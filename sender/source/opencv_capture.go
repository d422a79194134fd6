//go:build gocv

package source

import (
	"bytes"
	"fmt"
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
}

func openCapture(name openCVName, o Options) (capture, error) {
	if err := name.look(); err != nil {
		return nil, err
	}
	video, err := gocv.OpenVideoCaptureWithAPI(name.text, backend(name))
	if err != nil {
		video.Close()
		if name.device {
			return nil, fmt.Errorf("the camera %v does not open: does another program use it?", name)
		}
		return nil, fmt.Errorf("OpenCV cannot open %v: nothing answers there, or it is nothing that OpenCV knows", name)
	}
	v := &videoCapture{name, video, gocv.NewMat(), newQualityDial(o)}
	v.wish(o)
	return v, nil
}

// backend chooses by whom OpenCV has a name opened. Left to itself it asks all it has, of which each says on standard
// error what it does not like.
func backend(name openCVName) gocv.VideoCaptureAPI {
	choice := gocv.VideoCaptureAny
	switch {
	case name.device && runtime.GOOS == "linux":
		return gocv.VideoCaptureV4L2 // GStreamer, which would be asked first, takes no wishes
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

// wish asks a camera for what the options say; it gives what it can. MJPG comes first: uncompressed, 720p does not get
// through USB 2 at 30 frames a second.
func (v *videoCapture) wish(o Options) {
	if v.name.device {
		v.video.Set(gocv.VideoCaptureFOURCC, v.video.ToCodec("MJPG"))
	}
	if o.Size.X != 0 {
		v.video.Set(gocv.VideoCaptureFrameWidth, float64(o.Size.X))
		v.video.Set(gocv.VideoCaptureFrameHeight, float64(o.Size.Y))
	}
	if _, film := v.film(); o.FPS != 0 && !film {
		v.video.Set(gocv.VideoCaptureFPS, o.FPS)
	}
}

func (v *videoCapture) film() (fps float64, ok bool) {
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
	native, err := gocv.IMEncodeWithParams(gocv.JPEGFileExt, v.picture, []int{gocv.IMWriteJpegQuality, v.quality.next()})
	if err != nil {
		native.Close() // there is one even so
		return nil, at, fmt.Errorf("OpenCV cannot encode what %v gives: %w", v.name, err)
	}
	defer native.Close()
	return bytes.Clone(native.GetBytes()), at, nil
}

func (v *videoCapture) close() {
	v.video.Close()
	v.picture.Close()
}
