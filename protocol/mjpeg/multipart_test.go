package mjpeg

import (
	"bufio"
	"bytes"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strconv"
	"testing"
	"time"
)

func TestAppendPartHeader(t *testing.T) {
	const base = "Content-Type: image/jpeg\r\nContent-Length: 78013\r\n"
	for _, c := range []struct {
		captured time.Time
		want     string
	}{
		{time.Unix(1700000000, 123456789), base + "X-Timestamp: 1700000000.123456\r\n\r\n"},
		{time.Unix(1, 1000), base + "X-Timestamp: 1.000001\r\n\r\n"},
		{time.Unix(1700000000, 0), base + "X-Timestamp: 1700000000.000000\r\n\r\n"},
		{time.Time{}, base + "\r\n"},
		{time.Unix(-1, 500_000_000), base + "\r\n"},
	} {
		if got := string(AppendPartHeader([]byte("kept"), 78013, c.captured)); got != "kept"+c.want {
			t.Errorf("%v: got %q, want %q", c.captured, got, "kept"+c.want)
		}
	}
}

// The standard library can read the multipart stream that this package writes.
func TestWrittenStreamIsMultipart(t *testing.T) {
	pictures := picturesIn(t, "small")
	stream := []byte(BoundaryLine)
	for _, p := range pictures {
		stream = AppendPartHeader(stream, len(p), time.Now())
		stream = append(append(stream, p...), PartEnd...)
	}
	_, params, err := mime.ParseMediaType(ContentType)
	if err != nil {
		t.Fatal(err)
	}
	r := multipart.NewReader(bytes.NewReader(stream), params["boundary"])
	for _, p := range pictures {
		part, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		if _, err := body.ReadFrom(part); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(body.Bytes(), p) || part.Header.Get("Content-Length") != strconv.Itoa(len(p)) {
			t.Errorf("got %d bytes under %v, want %d", body.Len(), part.Header, len(p))
		}
	}
	if got, skips := readAll(t, bytes.NewReader(stream), 0); !samePictures(got, pictures) || skips != nil {
		t.Errorf("got pictures of %d bytes, left out %q", sizes(got), skips)
	}
}

func TestPartHeaderIsAHeader(t *testing.T) {
	header := AppendPartHeader(nil, 5, time.Unix(3, 4000))
	got, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(header))).ReadMIMEHeader()
	if err != nil || len(got) != 3 || got.Get("X-Timestamp") != "3.000004" {
		t.Errorf("%q reads as %v, %v", header, got, err)
	}
}

func TestIsMultipartText(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                   true,
		"\r\n":                               true,
		"\x00\x00 \t\xff\xff":                true,
		"--b\r\n":                            true,
		"\r\n--b--\r\n":                      true,
		"--video boundary--\r\nA: b\r\n\r\n": true,
		"b\nA: b\n\n":                        true,
		"b\r\n\r\n":                          true,
		"\x00\x00\r\n--b\r\nContent-Ty":      true,
		"HTTP/1.1 200 OK\r\nA: b\r\n\r\n":    true,
		"1f4\r\n--b\r\nA: b\r\n\r\n":         true,
		"Server: Gerät\r\n\r\n":              true,
		"A:\r\n\r\n":                         true,

		"junk":                        false,
		"junk\r\n":                    false,
		"a few words\r\n\r\n":         false,
		"a few words: here\r\n\r\n":   false,
		"\x01\x02\x03":                false,
		"--b\r\nA: \x07\r\n\r\n":      false,
		"\xfe\r\n--b\r\nA: b\r\n\r\n": false,
	} {
		if got := isMultipartText([]byte(text)); got != want {
			t.Errorf("%q: got %t", text, got)
		}
	}
	if isMultipartText(make([]byte, maxGap+1)) {
		t.Error("a gap of any length passes")
	}
}
