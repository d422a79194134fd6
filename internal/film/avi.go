package film

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// An avi is an AVI file (Microsoft's "AVI RIFF File Reference", with the OpenDML extensions). The lists are entered
// and never left: what follows a list is read as if it were inside, as with Matroska. So a recording that was cut off
// can be read. So can one of several gigabytes, which has more than one outermost list.
type avi struct {
	stream      int     // the pictures' number among the streams
	movi        int64   // where the first list of pictures begins
	scale, rate float64 // a picture takes scale/rate seconds
}

// isMJPEG reports whether a FourCC means JPEGs one after another.
func isMJPEG(fourCC string) bool {
	switch strings.ToUpper(fourCC) {
	case "MJPG", "JPEG", "AVRN", "DMB1", "IJPG", "ADJV", "JPGL":
		return true
	}
	return false
}

// A chunk is a part of a RIFF file.
type chunk struct {
	id           string
	kind         string // of a list: what is in it
	content, end int64
}

func chunkAt(in input, at int64) (c chunk, err error) {
	var header [12]byte
	n := min(int64(len(header)), in.size-at)
	if n < 8 {
		return c, ErrCut
	}
	if err := in.read(header[:n], at); err != nil {
		return c, notRead(err, ErrCut)
	}
	size := int64(binary.LittleEndian.Uint32(header[4:]))
	c = chunk{id: string(header[:4]), content: at + 8, end: at + 8 + size}
	if c.id == "RIFF" || c.id == "LIST" {
		c.kind, c.content = string(header[8:]), at+12
	}
	return c, nil
}

// next is where the chunk behind this one begins: chunks begin at even places.
func (c chunk) next() int64 { return c.end + c.end&1 }

func openAVI(in input) (*Film, error) {
	a := &avi{stream: -1}
	streams, found, video := -1, "", false
	for at, n := int64(0), 0; a.movi == 0; n++ {
		c, err := chunkAt(in, at)
		switch {
		case errors.Is(err, ErrCut) || n > maxBarren:
			return nil, fmt.Errorf("%w before its first picture", ErrCut)
		case err != nil:
			return nil, err
		}
		switch at = c.next(); {
		case c.kind == "movi":
			a.movi = c.content
			continue
		case c.kind != "":
			at = c.content
			continue
		case c.id == "strh":
			var header [28]byte // fccType, fccHandler, …, dwScale, dwRate
			if err := in.read(header[:], c.content); err != nil {
				return nil, notRead(err, ErrCut)
			}
			streams++
			if video = string(header[:4]) == "vids"; video && a.stream < 0 {
				a.scale = float64(binary.LittleEndian.Uint32(header[20:]))
				a.rate = float64(binary.LittleEndian.Uint32(header[24:]))
			}
		case c.id == "strf" && video && a.stream < 0:
			var format [20]byte // BITMAPINFOHEADER, whose compression is at byte 16
			if err := in.read(format[:], c.content); err != nil {
				return nil, notRead(err, ErrCut)
			}
			if found = string(format[16:]); isMJPEG(found) {
				a.stream = streams
			}
		}
	}
	if a.stream < 0 || a.stream > 99 {
		return nil, foreignCodec(codec(found))
	}
	if !(a.scale > 0 && a.rate > 0) {
		a.scale, a.rate = 1, 30
	}
	return &Film{"AVI", a.pictures, in}, nil
}

func (a *avi) pictures(w *walk) error {
	stream := fmt.Sprintf("%02d", a.stream)
	n := 0
	for at := a.movi; at < w.file.size; {
		c, err := chunkAt(w.file, at)
		if err == nil {
			err = w.step()
		}
		if err != nil {
			return err
		}
		switch at = c.next(); {
		case c.kind != "":
			at = c.content
		case strings.Trim(c.id, "\x00") == "":
			return fmt.Errorf("%w at byte %d", ErrDamaged, c.content)
		case c.end > w.file.size:
			return ErrCut
		case c.id == stream+"dc", c.id == stream+"db":
			err = w.picture(since(float64(n)*a.scale, a.rate), c.content, c.end-c.content)
			n++ // also without a picture: then the one before is shown for longer
		}
		if err != nil {
			return err
		}
	}
	return nil
}
