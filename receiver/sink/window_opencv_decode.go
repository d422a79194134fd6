//go:build gocv

package sink

import (
	"image"

	"gocv.io/x/gocv"

	"udpcam/protocol/mjpeg"
)

const (
	// largePicture is how many bytes a picture takes that is decoded alone: no other large one at the same time.
	largePicture = 8 << 20
	// maxHeld is how many bytes of coefficients OpenCV may hold while it decodes. A progressive picture of 1080p with full
	// chroma takes fewer. One of 4K takes more, and is decoded at an eighth of its size.
	maxHeld = 16 << 20
)

// reductions are the ways in which OpenCV decodes less of a picture: how many times smaller it becomes.
var reductions = []struct {
	scale int
	flag  gocv.IMReadFlag
}{{1, gocv.IMReadColor}, {2, gocv.IMReadReducedColor2}, {4, gocv.IMReadReducedColor4}, {8, gocv.IMReadReducedColor8}}

// decode decodes a picture, and returns how many times smaller it has become. It must be allowed by mjpeg.TooLarge.
func (g *highGUI) decode(jpeg []byte) (picture gocv.Mat, scale int, ok bool) {
	size, _ := mjpeg.Size(jpeg)
	how := reductions[0]
	for _, how = range reductions {
		if size.X/how.scale*(size.Y/how.scale) <= g.share() {
			break
		}
	}
	held := mjpeg.HeldBytes(jpeg)
	if decoded := 3 * (size.X / how.scale) * (size.Y / how.scale); held+int64(decoded) > largePicture {
		g.large.Lock()
		defer g.large.Unlock()
	}
	if held > maxHeld {
		picture, ok = decodeEighth(jpeg)
		return picture, 8, ok
	}
	picture, ok = decodeMat(jpeg, how.flag)
	return picture, how.scale, ok
}

// share is how many pixels a picture may have, so that all windows together take bounded memory. It is twice what the screen
// has, for pictures that are a little larger than the screen. From the third window on it is less.
func (g *highGUI) share() int {
	pixels := g.size.X * g.size.Y
	if pixels == 0 {
		pixels = 1920 * 1080
	}
	return min(2*pixels, 4*pixels/max(1, int(g.views.Load())))
}

// decodeMat decodes into a new Mat. If IMDecodeIntoMat fails, it leaves an old picture in its Mat and does not say so. A new
// Mat takes 2 % more time a frame at 720p and 1080p.
func decodeMat(jpeg []byte, flag gocv.IMReadFlag) (picture gocv.Mat, ok bool) {
	picture = gocv.NewMat()
	if err := gocv.IMDecodeIntoMat(jpeg, flag, &picture); err != nil || picture.Empty() {
		picture.Close()
		return gocv.Mat{}, false
	}
	return picture, true
}

// decodeEighth decodes without OpenCV, which would hold all coefficients of the picture.
func decodeEighth(jpeg []byte) (picture gocv.Mat, ok bool) {
	d := mjpeg.Decoder{MaxPixels: int(^uint(0) >> 1)} // the caller has judged it
	img, err := d.Decode(jpeg, image.Point{})
	if err != nil {
		return gocv.Mat{}, false
	}
	picture, err = gocv.ImageToMatRGB(img)
	return picture, err == nil
}
