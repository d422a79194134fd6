package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Cameras, and programs that upload pictures, write headers as they like. So udpcam reads both with the functions here: a
// line may end with a line feed alone, and what is no field is left out.

// maxCameraHeader is how many bytes the header of an answer may have, with interim answers before it. It stops headers
// without end.
const maxCameraHeader = 64 << 10

var (
	errLongHeader = fmt.Errorf("the header of its answer exceeded %d bytes", maxCameraHeader)
	errEncrypted  = &refusal{err: errors.New("it speaks https on this port; use https://, or another port")}
	errRTSP       = &refusal{err: errors.New("it speaks RTSP on this port, not HTTP; give its address as rtsp://")}
)

// readHead reads lines up to a blank one: the first line, and fields. A header also ends where the data end, and before a
// line that begins with FF: no field begins so, but every JPEG does.
func readHead(in *bufio.Reader, budget *int) (first string, fields http.Header, err error) {
	fields = http.Header{}
	last := "" // the field that a folded line continues (RFC 9112, section 5.2)
	for n := 0; ; n++ {
		if next, err := in.Peek(1); n > 0 && (err == io.EOF || err == nil && next[0] == 0xFF) {
			return first, fields, nil
		}
		line, err := in.ReadSlice('\n')
		if *budget -= len(line); *budget < 0 || errors.Is(err, bufio.ErrBufferFull) {
			return first, fields, errLongHeader
		} else if err != nil && (err != io.EOF || len(line) == 0) {
			return first, fields, err
		}
		text := printable(bytes.TrimRight(line, "\r\n"))
		switch name, value, isField := strings.Cut(text, ":"); {
		case n == 0:
			first = text
		case text == "":
			return first, fields, nil
		case last != "" && (text[0] == ' ' || text[0] == '\t'):
			values := fields[last]
			values[len(values)-1] += " " + strings.TrimSpace(text)
		case isField && httpguts.ValidHeaderFieldName(strings.TrimSpace(name)):
			last = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
			fields[last] = append(fields[last], strings.TrimSpace(value))
		default:
			last = "" // no field, such as the date without a name that the server GoAhead writes
		}
	}
}

// printable replaces control characters, which no field may have. Other bytes stay as they are: some are of Latin-1.
func printable(line []byte) string {
	for i, c := range line {
		if c < ' ' || c == 0x7F {
			line[i] = ' '
		}
	}
	return string(line)
}

// statusLine matches the first line of an answer. Some cameras write no version, some no words, and some no number.
var statusLine = regexp.MustCompile(`(?i)^(HTTP|ICY)(?:/?(\d(?:\.\d)?))?\s*(\d{3})?`)

// An answerHead is how an answer begins.
type answerHead struct {
	status  int
	version string // "1.1"
	fields  http.Header
}

// readAnswerHead reads the header of an answer. An answer without any is one of HTTP/0.9: pictures from the first byte on.
// If the connection has been used before, errUsed says that what came is no answer.
func readAnswerHead(in *bufio.Reader, used bool) (h answerHead, err error) {
	budget := maxCameraHeader
	for {
		start, err := in.Peek(1)
		for ; err == nil && strings.IndexByte("\r\n\t \x00", start[0]) >= 0; start, err = in.Peek(1) {
			in.Discard(1)
			if budget--; budget < 0 {
				return h, errLongHeader
			}
		}
		switch {
		case err != nil:
			return h, err
		case !used && (start[0] == 0xFF || start[0] == '-'):
			return answerHead{status: http.StatusOK}, nil
		case !used && (start[0] == 0x15 || start[0] == 0x16): // an alert or handshake of TLS (RFC 8446, section 5.1)
			return h, errEncrypted
		}
		first, fields, err := readHead(in, &budget)
		m := statusLine.FindStringSubmatch(first)
		name, value, isField := strings.Cut(first, ":")
		switch {
		case err != nil:
			return h, err
		case m != nil:
			status, _ := strconv.Atoi(m[3])
			if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
				continue // an interim answer
			}
			if status < 100 {
				status = http.StatusOK
			}
			return answerHead{status, m[2], fields}, nil
		case used:
			return h, errUsed
		case strings.HasPrefix(first, "RTSP/"):
			return h, errRTSP
		case isField && httpguts.ValidHeaderFieldName(name): // it has forgotten the first line
			fields.Add(name, strings.TrimSpace(value))
			return answerHead{status: http.StatusOK, fields: fields}, nil
		}
		return h, final("what answers there does not speak HTTP: it begins with %.40q", first)
	}
}

// kindOf returns the media type of an answer or upload, in lower case and without parameters. Of several, it is one that may
// mean pictures, if there is one.
func kindOf(h http.Header) (kind string) {
	for _, value := range h.Values("Content-Type") {
		for one := range strings.SplitSeq(value, ",") {
			one, _, _ = strings.Cut(one, ";")
			one = strings.ToLower(strings.TrimSpace(one))
			if kind == "" || !mayBePictures(kind) {
				kind = one
			}
		}
	}
	return kind
}

// lengthOf returns the length of a body, or -1 if it is not given, or given in several ways.
func lengthOf(h http.Header) int64 {
	length := int64(-1)
	for _, value := range h.Values("Content-Length") {
		for one := range strings.SplitSeq(value, ",") {
			digits := strings.TrimSpace(one)
			n, err := strconv.ParseInt(digits[:len(digits)-len(strings.TrimLeft(digits, "0123456789"))], 10, 64)
			switch {
			case err != nil: // empty, or no number
			case length >= 0 && n != length:
				return -1
			default:
				length = n
			}
		}
	}
	return length
}

// hasToken reports whether a field that is a list has a word.
func hasToken(h http.Header, field, word string) bool {
	return httpguts.HeaderValuesContainsToken(h[field], word)
}
