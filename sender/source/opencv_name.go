package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// An openCVName is the part of a source's name behind "opencv:".
type openCVName struct {
	text   string
	device bool   // a camera of this machine, by number or path
	path   string // the file that the name needs, "" if it needs none
}

// parseOpenCV parses a name, and checks that the file or camera exists.
func parseOpenCV(text string) (name openCVName, err error) {
	name.text = text
	number, err := strconv.Atoi(text)
	switch {
	case text == "":
		return name, fmt.Errorf("%w: opencv: needs a camera's number, such as opencv:0, a path, a URL or a pipeline", ErrName)
	case err == nil && number < 0:
		return name, fmt.Errorf("%w: opencv:%s: cameras are counted from 0", ErrName, text)
	case err == nil:
		name.device = true
		if runtime.GOOS == "linux" {
			name.path = "/dev/video" + text
		}
	case strings.HasPrefix(text, "/dev/"):
		name.device, name.path = true, text
	case !strings.Contains(text, "://") && !name.isPipeline() && !name.isSequence():
		name.path = text
	}
	return name, name.check()
}

// isPipeline reports whether the name is a GStreamer pipeline, such as "videotestsrc ! appsink".
func (n openCVName) isPipeline() bool { return strings.Contains(n.text, "!") }

// isSequence reports whether the name is that of a sequence of pictures, such as "frames/%05d.png".
func (n openCVName) isSequence() bool { return strings.Contains(n.text, "%") }

func (n openCVName) String() string { return Redact("opencv:" + n.text) }

// check returns an error if the name needs a file that does not exist or may not be read. OpenCV would not
// say why it fails.
func (n openCVName) check() error {
	if n.path == "" {
		return nil
	}
	info, err := os.Stat(n.path)
	if err == nil && info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) == 0 { // opening those would wait
		var file *os.File
		if file, err = os.Open(n.path); err == nil {
			return file.Close()
		}
	}
	switch {
	case n.device && errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no camera %v: %w; %s", n, err, otherCameras(n.path))
	case n.device && errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("you may not open the camera %v: %w; add yourself to the group video", n, err)
	case err != nil:
		return fmt.Errorf("%v cannot be read: %w", n, err)
	}
	return nil
}
