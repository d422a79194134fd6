package mjpeg

import (
	"bytes"
	"fmt"
	"testing"
)

type streamCase struct {
	name     string
	stream   []byte
	limit    int
	pictures [][]byte
	skips    []Reason
}

// streamCases are the streams that the table test goes through and that fuzzing starts from.
func streamCases(t testing.TB) []streamCase {
	a, b := picture(t, "small", "baseline.jpg"), picture(t, "small", "progressive.jpg")
	thumbnail := picture(t, "small", "gray.jpg")
	photo := with(a, exif(thumbnail))
	behind := bytes.Index(photo, thumbnail) + len(thumbnail)
	text := func(s string) []byte { return []byte(s) }
	part := func(p []byte) []byte {
		return fmt.Appendf(nil, "--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", len(p), p)
	}
	http := text("HTTP/1.0 200 OK\r\nServer: cam\r\nContent-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n")
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(i*i) &^ 1
	}

	stuffed := tiny(1, 0xFF, 0, 0xFF, 0xD0, 2, 0xFF, 0xFF, 0xD7, 0xFF, 0xFF, 0)
	filled := with(a, []byte{0xFF, 0xFF, 0xFF})
	dnl := join(soi, frameHeader, scanHeader, []byte{1}, segment(0xDC, 0, 9), eoi)
	dqt := segment(markerDQT, 0xFF, 0xD9, 0xFF, 0xD8)
	ends := with(a, segment(0xFE, eoi...), dqt, segment(0xC4, eoi...), exif(tiny()))
	frame := join(frameHeader, scanHeader, []byte{1, 2, 3})
	hierarchical := join(soi, segment(markerDHP, 8, 0, 16, 0, 24, 0), frame, segment(0xDF, 0x11), frame, eoi)
	jfif := segment(0xE0, make([]byte, 12)...)

	return []streamCase{
		{name: "nothing"},
		{name: "one", stream: a, pictures: [][]byte{a}},
		{name: "back to back", stream: join(a, b, a), pictures: [][]byte{a, b, a}},

		// What a picture may hold.
		{name: "thumbnail", stream: join(photo, b), pictures: [][]byte{photo, b}},
		{name: "stuffing, restarts and fill bytes",
			stream: stuffed, pictures: [][]byte{stuffed}},
		{name: "fill bytes before markers", stream: join(filled, b), pictures: [][]byte{filled, b}},
		{name: "empty scan", stream: join(tiny(), tiny()), pictures: [][]byte{tiny(), tiny()}},
		{name: "DNL behind the scan",
			stream: join(dnl, a), pictures: [][]byte{dnl, a}},
		{name: "EOI in segments",
			stream: join(ends, b), pictures: [][]byte{ends, b}},
		{name: "hierarchical",
			stream: join(hierarchical, a), pictures: [][]byte{hierarchical, a}},

		// What may lie between pictures.
		{name: "multipart", stream: join(part(a), part(b), text("--b--\r\n")), pictures: [][]byte{a, b}},
		{name: "saved response", stream: join(http, part(a), part(b)), pictures: [][]byte{a, b}},
		{name: "no first boundary", stream: join(part(a)[5:], part(b)), pictures: [][]byte{a, b}},
		{name: "LF, no length, no dashes",
			stream:   join(text("b\ncontent-TYPE: image/jpeg\n\n"), a, text("\nb\ncontent-TYPE: image/jpeg\n\n"), b),
			pictures: [][]byte{a, b}},
		{name: "boundaries without headers",
			stream:   join(text("b\r\n\r\n"), a, text("\r\nb\r\n\r\n"), b),
			pictures: [][]byte{a, b}},
		{name: "boundary with a space",
			stream:   join(text("--video boundary--\r\nContent-length: 1\r\n\r\n"), a),
			pictures: [][]byte{a}},
		{name: "response of bare pictures", stream: join(http, a, b), pictures: [][]byte{a, b}},
		{name: "padding",
			stream:   join(a, make([]byte, 99), text(" \t\r\n"), []byte{0xFF, 0xFF}, b),
			pictures: [][]byte{a, b}},
		{name: "junk behind a part's picture", stream: join(part(join(a, []byte{1, 2, 3, 0xFF, 0xD9})), part(b)),
			pictures: [][]byte{a, b}, skips: []Reason{Garbage}},

		// Garbage.
		{name: "garbage before, between, behind", stream: join(noise[:9], a, text("junk"), b, noise[:5000]),
			pictures: [][]byte{a, b}, skips: []Reason{Garbage, Garbage, Garbage}},
		{name: "long garbage is one", stream: join(a, noise, b), pictures: [][]byte{a, b}, skips: []Reason{Garbage}},
		{name: "chance SOIs in garbage",
			stream:   join(a, noise[:50], soi, noise[:50], soi, soi, []byte{0xFF, 0xFF, 0xFF, 3}, b),
			pictures: [][]byte{a, b}, skips: []Reason{Garbage}},
		{name: "endless header",
			stream:   join(bytes.Repeat(text("X-A: b\r\n"), 1000), a),
			pictures: [][]byte{a}, skips: []Reason{Garbage}},
		{name: "no JPEG at all", stream: text("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"), skips: []Reason{Garbage}},
		{name: "SOI and EOI only", stream: join(soi, eoi, a), pictures: [][]byte{a}, skips: []Reason{Garbage}},

		// Broken pictures.
		{name: "cut off at the end", stream: join(a, b[:len(b)-1]), pictures: [][]byte{a}, skips: []Reason{Truncated}},
		{name: "SOI at the end", stream: join(a, soi), pictures: [][]byte{a}, skips: []Reason{Truncated}},
		{name: "cut off in a scan", stream: join(a[:len(a)-9], b), pictures: [][]byte{b}, skips: []Reason{Truncated}},
		{name: "cut off behind FF",
			stream:   join(tiny(1, 2, 0xFF)[:24], b),
			pictures: [][]byte{b}, skips: []Reason{Truncated}},
		{name: "cut off in a table", stream: join(a[:40], b, a), pictures: [][]byte{b, a}, skips: []Reason{Malformed}},
		{name: "cut off in a table at a marker",
			stream:   join(with(a, segment(markerDQT, make([]byte, 68)...))[:56], with(b, jfif), a),
			pictures: [][]byte{with(b, jfif), a}, skips: []Reason{Truncated}},
		{name: "cut off in a scan header",
			stream:   join(tiny()[:22], b, a),
			pictures: [][]byte{b, a}, skips: []Reason{Truncated}},
		{name: "cut off in a part",
			stream:   join(part(a[:len(a)-9]), part(b)),
			pictures: [][]byte{b}, skips: []Reason{Truncated}},
		{name: "a frame header too many",
			stream:   join(soi, frameHeader, frame, eoi, b),
			pictures: [][]byte{b}, skips: []Reason{Malformed}},
		{name: "frame header in a scan",
			stream:   join(tiny(1, 2, 0xFF, 0xC0, 0, 4, 0, 0), b),
			pictures: [][]byte{b}, skips: []Reason{Malformed}},
		{name: "reserved marker in a scan",
			stream:   join(tiny(1, 2, 0xFF, 0x10), b),
			pictures: [][]byte{b}, skips: []Reason{Malformed}},
		{name: "restart outside a scan",
			stream:   join(with(a, segment(0xE0, 1), []byte{0xFF, 0xD0}), b),
			pictures: [][]byte{b}, skips: []Reason{Malformed}},
		{name: "no scan", stream: join(soi, frameHeader, eoi, b), pictures: [][]byte{b}, skips: []Reason{Malformed}},
		{name: "scan without a frame",
			stream:   join(soi, segment(0xDD, 0, 1), scanHeader, eoi, b),
			pictures: [][]byte{b}, skips: []Reason{Malformed}},
		{name: "segment too short",
			stream:   join(with(a, segment(0xE0), []byte{0xFF, 0xE1, 0, 1}), b),
			pictures: [][]byte{b}, skips: []Reason{Malformed}},
		{name: "segment too long",
			stream:   join(with(a, []byte{0xFF, 0xE1, 0xFF, 0xFF}), b),
			pictures: [][]byte{b}, skips: []Reason{Truncated}},
		{name: "two broken ones",
			stream:   join(a[:len(a)-9], b[:len(b)-9], a),
			pictures: [][]byte{a}, skips: []Reason{Truncated, Truncated}},
		{name: "the rest of a broken one is no garbage",
			stream:   join(a[:100], noise[:2000], b),
			pictures: [][]byte{b}, skips: []Reason{Malformed}},

		// Thumbnails in broken pictures.
		{name: "thumbnail, damage further on",
			stream:   join(photo[:len(photo)-9], b),
			pictures: [][]byte{b}, skips: []Reason{Truncated}},
		{name: "thumbnail, damage right behind", stream: join(photo[:behind+10], text("no marker"), b),
			pictures: [][]byte{thumbnail, b}, skips: []Reason{Malformed, Garbage}},
		{name: "thumbnail, cut off in its segment", stream: join(photo[:behind+5], b, a),
			pictures: [][]byte{thumbnail, b, a}, skips: []Reason{Malformed}},
		{name: "thumbnail, cut off in itself", stream: join(photo[:behind-5], b, a),
			pictures: [][]byte{b, a}, skips: []Reason{Malformed}},
		{name: "thumbnail, cut off in its segment in a part",
			stream:   join(part(photo[:behind+5]), part(b), part(a)),
			pictures: [][]byte{b, a}, skips: []Reason{Malformed}},
		{name: "thumbnail, connection lost in a part", stream: join(part(a), part(photo)[:behind+60]),
			pictures: [][]byte{a}, skips: []Reason{Truncated}},

		// The limit.
		{name: "of just the limit", stream: join(a, b), limit: len(b), pictures: [][]byte{a, b}},
		{name: "one byte more",
			stream: join(a, b, a), limit: len(b) - 1,
			pictures: [][]byte{a, a}, skips: []Reason{Oversized}},
		{name: "scan without end",
			stream: join(tiny(noise...), a), limit: 2000,
			pictures: [][]byte{a}, skips: []Reason{Oversized}},
		{name: "fill bytes without end", stream: join(with(a, bytes.Repeat([]byte{0xFF}, 3000)), a), limit: 2000,
			pictures: [][]byte{a}, skips: []Reason{Garbage}},
		{name: "thumbnail of an oversized one",
			stream: join(photo, a), limit: len(a),
			pictures: [][]byte{a}, skips: []Reason{Oversized}},
	}
}
