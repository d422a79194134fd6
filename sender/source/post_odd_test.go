package source

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// post writes a request to a server byte for byte, and returns its answer. The connection stays open meanwhile.
func post(t *testing.T, url, request string) (status int, text string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go io.WriteString(conn, request)
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}

// Uploads arrive in every shape in which a picture can be found, also if net/http would refuse them.
func TestUploadOdd(t *testing.T) {
	pics := street(t)
	pic := string(pics[4])
	const line, host, jpeg = "POST /upload HTTP/1.1\r\n", "Host: 127.0.0.1\r\n", "Content-Type: image/jpeg\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(pic))
	raw := jpeg + length + "\r\n" + pic
	body := "--R\r\nContent-Disposition: form-data; name=\"device\"\r\n\r\n\x89cam\r\n" +
		"--R\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n" +
		pic + "\r\n--R--\r\n"
	before, behind, _ := strings.Cut(body, pic)
	form := func(parameters, body string) string {
		return fmt.Sprintf("%sContent-Type: multipart/form-data%s\r\nContent-Length: %d\r\n\r\n%s", host, parameters,
			len(body), body)
	}
	chunked := func(tail string) string {
		return jpeg + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s", len(pic), pic) + tail
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	io.WriteString(w, pic)
	w.Close()
	mpf := string(slices.Insert(bytes.Clone(pics[4]), 2, []byte("\xff\xe2\x00\x10MPF\x00II*\x00\x08\x00\x00\x00\x00\x00")...))
	for name, request := range map[string]string{
		"no Host":                  line + raw,
		"empty Host":               line + "Host:\r\n" + raw,
		"two Hosts":                line + host + host + raw,
		"a Host that is none":      line + "Host: a b\r\n" + raw,
		"HTTP/1.0":                 "POST /upload HTTP/1.0\r\n" + raw,
		"no version":               "POST /upload\r\n" + raw,
		"unknown version":          "POST /upload HTTP/1\r\n" + host + raw,
		"a space behind the line":  "POST /upload HTTP/1.1 \r\n" + host + raw,
		"two spaces in the line":   "POST  /upload  HTTP/1.1\r\n" + host + raw,
		"spaces in the address":    "POST /upload?time=12 00 HTTP/1.1\r\n" + host + raw,
		"no slash":                 "POST upload HTTP/1.1\r\n" + host + raw,
		"small letters":            "post /upload HTTP/1.1\r\n" + host + raw,
		"blank lines before":       "\r\n\r\n" + line + host + raw,
		"bare newlines":            strings.ReplaceAll(line+host+jpeg+length+"\r\n", "\r", "") + pic,
		"a line that is no field":  line + host + "Tue, 12 Jun 2012 01:56:34 GMT\r\n" + raw,
		"a space before the colon": line + "Host : 127.0.0.1\r\n" + raw,
		"a control character":      line + host + "X-Name: cam\x01\r\n" + raw,
		"identity":                 line + host + "Transfer-Encoding: identity\r\n" + raw,
		"two lengths":              line + host + length + "Content-Length: 5\r\n" + jpeg + "\r\n" + pic,
		"empty length":             line + host + "Content-Length:\r\n" + jpeg + "\r\n" + pic,
		"no length":                line + host + jpeg + "\r\n" + pic,
		"no length, no type":       line + "\r\n" + pic,
		"length too large":         line + host + jpeg + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(pic)+500) + pic,
		"chunks":                   line + host + chunked("\r\n0\r\n\r\n"),
		"chunks without an end":    line + host + chunked("\r\n"),
		"no end behind a chunk":    line + host + chunked(""),
		"gzip":                     line + host + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", zipped.Len(), &zipped),
		"no EOI":                   line + host + jpeg + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(pic)-2) + pic[:len(pic)-2],
		"a preview behind": line + host + jpeg + fmt.Sprintf("Content-Length: %d\r\n\r\n%s%s",
			len(mpf)+len(pics[5]), mpf, pics[5]),
		"form":                                line + form("; boundary=R", body),
		"form, no boundary":                   line + form("", body),
		"form, empty boundary":                line + form("; boundary=", body),
		"form, wrong boundary":                line + form("; boundary=Q", body),
		"form, doubled boundary":              line + form("; boundary=R; boundary=R", body),
		"form, dashes in boundary":            line + form("; boundary=--R", body),
		"form, no last line":                  line + form("; boundary=R", strings.TrimSuffix(body, "\r\n--R--\r\n")),
		"form, too long":                      line + strings.Replace(form("; boundary=R", body), "Content-Length: ", "Content-Length: 1", 1),
		"form, bare newlines":                 line + form("; boundary=R", strings.ReplaceAll(before, "\r", "")+pic+behind),
		"picture that is called form":         line + form("; boundary=R", pic),
		"form with a picture and text behind": line + form("; boundary=R", body+"--R\r\n\r\nmore\r\n--R--\r\n"),
		"type that is none":                   line + host + "Content-Type: ;;\r\n" + length + "\r\n" + pic,
		"form of a browser":                   line + host + "Content-Type: application/x-www-form-urlencoded\r\n" + length + "\r\n" + pic,
		"text":                                line + host + "Content-Type: text/plain\r\n" + length + "\r\n" + pic,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := logged{}
			in := newInbox(t, "/upload", Options{Log: log.logger()})
			status, text := post(t, in.url, request)
			if status != 200 || text != "pictures taken: 1\n" {
				t.Errorf("answer %d %s", status, text)
			}
			in.end()
			want := pics[4]
			if name == "a preview behind" {
				want = []byte(mpf)
			}
			equal(t, in.frames, want)
			if strings.Contains(log.String(), "WARN") {
				t.Errorf("logged %s", log.String())
			}
		})
	}
}

// Every refusal is logged with its reason, also those of net/http.
func TestUploadRefusalsLogged(t *testing.T) {
	for name, tt := range map[string]struct{ request, why string }{
		"not HTTP":         {"hello\r\n\r\n", "no request"},
		"long header":      {"POST / HTTP/1.1\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", "Too Large"},
		"name":             {"POST / HTTP/1.1\r\nHost: x.example\r\nContent-Length: 0\r\n\r\n", "--allow-host x.example"},
		"empty":            {"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", "no whole JPEG"},
		"malformed chunks": {"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "invalid byte in chunk"},
		"bad gzip":         {"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 20\r\n\r\n\x1f\x8b\x08zzzzzzzzzzzzzzzzz", "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			log := logged{}
			in := newInbox(t, "/", Options{Log: log.logger()})
			status, _ := post(t, in.url, tt.request)
			in.end()
			if status < 400 || !strings.Contains(log.String(), "an upload is refused") || !strings.Contains(log.String(), tt.why) {
				t.Errorf("answer %d, logged %s", status, log.String())
			}
		})
	}
}

// A second request on a connection works, whether or not the first was put right.
func TestUploadKeepsConnection(t *testing.T) {
	pic := street(t)[4]
	in := newInbox(t, "/", Options{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(in.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for range 3 {
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s", len(pic), pic)
		res, err := http.ReadResponse(answers, nil)
		if err != nil || res.StatusCode != 200 || res.Close {
			t.Fatal(res, err)
		}
		io.Copy(io.Discard, res.Body)
	}
	in.end()
	equal(t, in.frames, bytesRepeated(pic, 3)...)
}
