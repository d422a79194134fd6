package source

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A refusal is an error that will not go away if the camera is asked again. If it is doubtful, this is not sure.
type refusal struct {
	err      error
	doubtful bool
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func final(format string, args ...any) error { return &refusal{err: fmt.Errorf(format, args...)} }

// explain says in words what went wrong with a request. It leaves out the URL, because that may hold a password in its
// query. It also leaves out local port numbers, because they make every failure look new.
func explain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var (
		judged      *refusal
		request     *url.Error
		operation   *net.OpError
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
	)
	if errors.As(err, &request) {
		err = request.Err
	}
	switch {
	case errors.As(err, &judged):
		return judged
	case errors.As(err, &name) && name.IsNotFound:
		return final("there is no host named %s", name.Name)
	case errors.As(err, &certificate) && len(certificate.UnverifiedCertificates) > 0:
		return final("its certificate cannot be trusted (%w). If it is the camera's own, add --pin sha256:%s; or name "+
			"its issuer's certificate in SSL_CERT_FILE, or take any with --insecure", certificate.Err,
			pinOf(certificate.UnverifiedCertificates[0].Raw))
	case errors.As(err, &operation):
		return operation.Err
	case err == errNothingFound:
		return final("%w: it sent %w", ErrNoJPEG, err)
	}
	return err
}

// refused returns an error if an answer says that no pictures follow, or else nil. The answer may call itself text: that may
// be a picture nevertheless, so its beginning is looked at.
func refused(req *http.Request, res *http.Response, body *bufio.Reader) error {
	kind := kindOf(res.Header)
	// Not res.Status: what a camera writes there is not fit for a terminal.
	status := fmt.Sprint(res.StatusCode, " ", http.StatusText(res.StatusCode))
	elsewhere := res.Request.URL.Host != req.URL.Host
	switch code := res.StatusCode; {
	case code/100 == 2 && mayBePictures(kind) && !strings.HasPrefix(kind, "text/"):
		return nil
	case code/100 == 2:
		return noPicture(kind, body)
	case (code == http.StatusUnauthorized || code == http.StatusForbidden) && elsewhere:
		return final("it redirects to %q, which wants a user and password, and is not sent those of another host; give that "+
			"address", res.Request.URL.Host)
	case code == http.StatusUnauthorized && slices.ContainsFunc(challengesOf(res.Header), challenge.isBearer):
		return final("it answers %s and wants a token; give it with --header 'Authorization: Bearer TOKEN'", status)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return final("it answers %s; give the right user and password: http://USER:PASSWORD@HOST/", status)
	case code == http.StatusNotFound || code == http.StatusGone:
		return final("it answers %s; find the path of its MJPEG stream in its manual", status)
	case code < 300, code >= 500,
		code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests:
		return fmt.Errorf("it answers %s", status)
	}
	return final("it answers %s", status)
}

// pictureStart is how a JPEG begins: SOI and another marker.
var pictureStart = []byte{0xFF, 0xD8, 0xFF}

// noPicture looks at the beginning of an answer whose media type is not that of pictures. It returns an error unless there
// is a picture nevertheless. If there is text, the error is doubtful: the camera may only be busy.
func noPicture(kind string, body *bufio.Reader) error {
	const enough = 1 << 10 // bytes; some cameras send a header of a part before the picture
	var start []byte
	for more := true; more && len(start) < enough && !bytes.Contains(start, pictureStart); {
		_, err := body.Peek(body.Buffered() + 1)
		more = err == nil
		start, _ = body.Peek(min(body.Buffered(), enough))
	}
	text := strings.ToLower(string(start))
	page := strings.Contains(text, "<html") || strings.Contains(text, "<!doctype")
	switch {
	case bytes.Contains(start, pictureStart), kind == "text/plain" && len(start) == 0:
		return nil
	case page || !strings.HasPrefix(kind, "text/") && !strings.Contains(kind, "json") && !strings.Contains(kind, "xml"):
		what, _ := whatIs(start)
		return final("it answers with %.40s instead of pictures: %s", strings.Trim(strconv.QuoteToASCII(kind), `"`), what)
	}
	err := fmt.Errorf("%w in its answer, only text: %.80q; open the address in a browser to see what it gives",
		ErrNoJPEG, start)
	return &refusal{err: err, doubtful: true}
}

// mayBePictures reports whether a media type may mean JPEGs. Cameras write all sorts of things, so only types that certainly
// mean something else are refused.
func mayBePictures(kind string) bool {
	switch kind {
	case "text/html", "text/xml", "application/json", "application/xml", "application/xhtml+xml", "application/sdp",
		"application/dash+xml", "application/vnd.apple.mpegurl", "application/x-mpegurl":
		return false
	}
	switch major, minor, _ := strings.Cut(kind, "/"); major {
	case "audio":
		return false
	case "image", "video":
		return strings.Contains(minor, "jpeg") || strings.Contains(minor, "jpg") || minor == "*"
	}
	return true
}
