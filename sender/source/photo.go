package source

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"udpcam/protocol"
)

// stillFPS is how often a second a photo is shown again. A receiver that joins later waits at most a second.
const stillFPS = 1

// A photo is a file with one picture in it. It stands still, as if a camera looked at it: it is yielded at once, and
// then again every second until ctx is done, so that a receiver that joins later sees it, a picture lost on the way is
// made good, and a server of it goes on serving. Options.FPS, if given, is how many times a second. Options.Loop makes
// it a film of one frame that is played over and over, at FPS or 30. To send a picture exactly once, pipe it into
// standard input.
type photo struct {
	path string
	o    Options
}

// OnDemand returns true.
func (p *photo) OnDemand() bool { return true }

func (p *photo) Frames(ctx context.Context) iter.Seq2[protocol.Frame, error] {
	return func(yield func(protocol.Frame, error) bool) {
		jpeg, err := readPhoto(p.path, p.o)
		if err != nil {
			yield(protocol.Frame{}, err)
			return
		}
		rate := float64(stillFPS)
		if p.o.Loop {
			rate = defaultFPS
		}
		for due := newSchedule(cmp.Or(p.o.FPS, rate), 0); due.wait(ctx); {
			if !yield(protocol.Frame{Captured: time.Now(), JPEG: jpeg}.Immutable(), nil) {
				return
			}
		}
	}
}

// readPhoto returns the first picture in the regular file at path, and leaves out what stands behind it.
func readPhoto(path string, o Options) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content := &search{r: f}
	first, err := o.reader(content).Next()
	switch {
	case err == io.EOF:
		return nil, fmt.Errorf("%w in %s", ErrNoJPEG, path)
	case err != nil:
		return nil, fmt.Errorf("%w in %s: %w", ErrNoJPEG, path, content.cause(err))
	}
	return first.Keep().JPEG, nil
}

// isMultiPicture reports whether a whole JPEG announces that others stand behind it which belong to it: the preview, the
// gain map or the depth map of a telephone's photo, in the Multi-Picture Format (CIPA DC-007, section 5: an APP2 segment
// that begins with "MPF" and a zero byte).
func isMultiPicture(jpeg []byte) bool {
	const app2, sos = 0xE2, 0xDA
	for at := 2; at+4 <= len(jpeg) && jpeg[at] == 0xFF && jpeg[at+1] != sos; {
		marker, body := jpeg[at+1], at+4
		at += 2 + int(binary.BigEndian.Uint16(jpeg[at+2:]))
		if marker == app2 && bytes.HasPrefix(jpeg[body:min(max(at, body), len(jpeg))], []byte("MPF\x00")) {
			return true
		}
	}
	return false
}
