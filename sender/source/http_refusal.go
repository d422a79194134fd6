package source

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// A refusal is an error that will not go away if the camera is asked again. If it is doubtful, it may go away.
type refusal struct {
	err      error
	doubtful bool
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func final(format string, args ...any) error { return &refusal{err: fmt.Errorf(format, args...)} }

// broken is how net/http begins to complain of an answer that it cannot read.
const broken = "net/http: HTTP/1.x transport connection broken: "

// explain says in words what went wrong with a request. It leaves out the URL, because that may hold a password in its
// query. It also leaves out local port numbers, because they make every failure look new.
func explain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var (
		request     *url.Error
		operation   *net.OpError
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
	)
	if errors.As(err, &request) {
		err = request.Err
	}
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return final("there is no host named %s", name.Name)
	case errors.As(err, &certificate):
		return final("%w; name its issuer's certificate in SSL_CERT_FILE, or use http:// where the network is trusted",
			certificate.Err)
	case errors.Is(err, http.ErrSchemeMismatch):
		return final("it does not speak https on this port; use http://, or another port")
	case errors.As(err, &operation):
		return operation.Err
	case strings.HasPrefix(err.Error(), broken):
		return fmt.Errorf("its answer is no proper HTTP: %s", strings.TrimPrefix(err.Error(), broken))
	case err == errNothingFound:
		return final("%w: it sent %w", ErrNoJPEG, err)
	}
	return err
}

// refused returns an error if the header of an answer says that no pictures follow, or else nil.
func refused(req *http.Request, res *http.Response) error {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	// Not res.Status: what a camera writes there is not fit for a terminal.
	status := fmt.Sprint(res.StatusCode, " ", http.StatusText(res.StatusCode))
	elsewhere := res.Request.URL.Host != req.URL.Host
	switch code := res.StatusCode; {
	case code/100 == 2 && mayBePictures(kind):
		return nil
	case code/100 == 2:
		return final("it answers with %s instead of pictures; find the address of its MJPEG stream in its manual", kind)
	case (code == http.StatusUnauthorized || code == http.StatusForbidden) && elsewhere:
		return final("it redirects to %q, which wants a user and password, and is not sent those of another host; give that "+
			"address", res.Request.URL.Host)
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
