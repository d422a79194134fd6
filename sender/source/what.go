package source

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// enoughToTell is how many bytes are looked at to tell what data is.
const enoughToTell = 1 << 10

// whatIs says in words what data is that was to be JPEGs, and what to do. It looks at the beginning. It is sure if no JPEGs
// can follow.
func whatIs(b []byte) (text string, sure bool) {
	header := b
	b = withoutPartHeader(b)
	header = header[:len(header)-len(b)]
	if bytes.HasPrefix(b, []byte("\xFF\xD8")) {
		return "it begins as a JPEG does, and is cut off or damaged", false
	}
	if m := partKind.FindSubmatch(header); m != nil && !mayBePictures(strings.ToLower(string(m[1]))) {
		kind := strings.NewReplacer("x-", "", "h264", "H.264", "h265", "H.265", "hevc", "H.265").Replace(
			strings.ToLower(string(m[1])))
		return fmt.Sprintf("its parts say that they are %.40q", kind) + inAPipe, true
	}
	if len(b) == 0 {
		return "nothing came at all", false
	}
	for _, k := range signatures {
		if k.fits(b) {
			return k.text, true
		}
	}
	kind, _, _ := strings.Cut(http.DetectContentType(b), ";")
	if text, ok := detected[kind]; ok {
		return text, kind != "text/plain" // which may stand before the first picture of a stream
	}
	return fmt.Sprintf("it begins with bytes %x, of no kind that udpcam knows", b[:min(8, len(b))]), false
}

// partKind matches the media type in the header of a part.
var partKind = regexp.MustCompile(`(?im)^content-type:[ \t]*([^\s;]+)`)

// withoutPartHeader returns what is behind the header of a multipart stream's first part, if there is one. Nothing may be
// there yet.
func withoutPartHeader(b []byte) []byte {
	text := bytes.TrimLeft(b, "\r\n \t")
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		header, body, ok := bytes.Cut(text, []byte(end))
		if ok && bytes.HasPrefix(header, []byte("--")) {
			return body
		}
	}
	if bytes.HasPrefix(text, []byte("--")) {
		return nil
	}
	return b
}

const (
	throughFFmpeg = "; where ffmpeg is installed, --source ffmpeg:URL makes JPEGs of it"
	inAPipe       = "; let ffmpeg make JPEGs of it: ffmpeg -i … -f mjpeg -q:v 3 -"
	page          = "; open the address in a browser, and find that of the MJPEG stream in the camera's manual"
)

// signatures are kinds of data that net/http does not know, or of which something else is to be said.
var signatures = []struct {
	text string
	fits func(b []byte) bool
}{
	{"it is H.264" + inAPipe, func(b []byte) bool { return startsUnit(b, isH264) }},
	{"it is H.265" + inAPipe, func(b []byte) bool { return startsUnit(b, isH265) }},
	{"it is H.264 or H.265 as it stands in MP4" + inAPipe, isLengthPrefixed},
	{"it is an MPEG transport stream" + throughFFmpeg, func(b []byte) bool {
		const packet = 188
		return len(b) > 2*packet && b[0] == 0x47 && b[packet] == 0x47 && b[2*packet] == 0x47
	}},
	{"it is an RTSP server" + "; give its address as rtsp://", prefix("RTSP/1.0 ")},
	{"it is a playlist (HLS)" + throughFFmpeg, prefix("#EXTM3U")},
	{"it is a description of an RTSP stream (SDP)" + "; give the camera's rtsp:// address", prefix("v=0")},
	{"it is raw video (YUV4MPEG)" + inAPipe, prefix("YUV4MPEG2")},
	{"it is Flash video" + throughFFmpeg, prefix("FLV\x01")},
	{"it is JSON" + page, func(b []byte) bool {
		b = bytes.TrimLeft(b, " \t\r\n")
		return bytes.HasPrefix(b, []byte(`{"`)) || bytes.HasPrefix(b, []byte("[{")) || bytes.HasPrefix(b, []byte("{\n"))
	}},
	{"it is a HEIC or AVIF picture; make it a JPEG first", func(b []byte) bool {
		return len(b) > 12 && string(b[4:8]) == "ftyp" &&
			(bytes.HasPrefix(b[8:], []byte("hei")) || bytes.HasPrefix(b[8:], []byte("mif")) || bytes.HasPrefix(b[8:], []byte("avi")))
	}},
	{"it is a JPEG XL or JPEG 2000 picture; udpcam sends plain JPEGs alone", func(b []byte) bool {
		return bytes.HasPrefix(b, []byte("\xFF\x0A")) || bytes.HasPrefix(b, []byte("\x00\x00\x00\x0C"))
	}},
}

// detected are kinds that net/http knows (https://mimesniff.spec.whatwg.org).
var detected = map[string]string{
	"image/png":          "it is PNG; convert it, as ffmpeg -i … -f mjpeg - does",
	"image/gif":          "it is GIF; convert it, as ffmpeg -i … -f mjpeg - does",
	"image/bmp":          "it is BMP; convert it, as ffmpeg -i … -f mjpeg - does",
	"image/webp":         "it is WebP; convert it, as ffmpeg -i … -f mjpeg - does",
	"text/html":          "it is a web page, perhaps one to log in" + page,
	"text/xml":           "it is XML" + page,
	"text/plain":         "it is text" + page,
	"application/x-gzip": "it is compressed (gzip); send the pictures as they are",
	"application/zip":    "it is a ZIP file; unpack it first",
	"application/pdf":    "it is PDF",
	"video/mp4":          "it is an MP4 film; save it to a file, and give its name" + inAPipe,
	"video/webm":         "it is a Matroska film; save it to a file, and give its name" + inAPipe,
	"video/avi":          "it is an AVI film; save it to a file, and give its name" + inAPipe,
	"audio/mpeg":         "it is sound",
	"audio/wave":         "it is sound",
	"application/ogg":    "it is an Ogg film" + throughFFmpeg,
}

func prefix(text string) func(b []byte) bool {
	return func(b []byte) bool { return bytes.HasPrefix(b, []byte(text)) }
}

// startsUnit reports whether b begins with a start code and the header of a unit (ITU-T H.264 and H.265, annex B).
func startsUnit(b []byte, header func(byte) bool) bool {
	code := bytes.TrimLeft(b[:min(len(b), 16)], "\x00")
	zeros := min(len(b), 16) - len(code)
	return zeros >= 2 && len(code) > 1 && code[0] == 1 && header(code[1])
}

// isH264 reports whether a stream may begin with such a unit (H.264, table 7-1): a slice, SEI, parameters, a delimiter.
func isH264(header byte) bool {
	unit := header & 0x1F
	return header&0x80 == 0 && (unit == 1 || unit >= 5 && unit <= 9)
}

// isH265 reports the same for H.265 (table 7-1): VPS, SPS, PPS, a delimiter, SEI, a picture to begin with.
func isH265(header byte) bool {
	unit := header >> 1 & 0x3F
	return unit >= 16 && unit <= 21 || unit >= 32 && unit <= 35 || unit == 39
}

// isLengthPrefixed reports whether b begins with a unit that has its length before it.
func isLengthPrefixed(b []byte) bool {
	if len(b) < 6 {
		return false
	}
	n := binary.BigEndian.Uint32(b)
	return n > 1 && n < 1<<16 && (b[4]&0x9F == 6 && b[5] == 5 || b[4]&0x9F == 7 && b[5] >= 66 && b[5] <= 244)
}
