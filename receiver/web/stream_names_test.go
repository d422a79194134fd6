package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"udpcam/internal/fuzzcost"
)

// A stream may have any name. Its URL stays inside its folder, and the name can be read back from the URL.
func FuzzPathSegment(f *testing.F) {
	f.Fuzz(func(t *testing.T, name string) {
		var path string
		bound := fuzzcost.Bound{Bytes: 4096, Time: time.Millisecond}.Plus(len(name), 32, 100*time.Nanosecond)
		fuzzcost.Check(t, bound, func() { path = pathSegment(name) })
		page, err := url.Parse("http://localhost/cam/streams/" + path + "/")
		if err != nil {
			t.Fatal(err)
		}
		stream, err := page.Parse("stream")
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(stream.EscapedPath(), "/")
		if len(parts) != 5 || parts[2] != "streams" || parts[4] != "stream" || !isClean(stream.EscapedPath()) {
			t.Fatalf("%q leads to %s", name, stream)
		}
		segment, err := url.PathUnescape(parts[3])
		if err != nil || nameFromPath(segment) != name {
			t.Fatalf("%q came back as %q, %v", name, nameFromPath(segment), err)
		}
		// Browsers take these for dots, https://url.spec.whatwg.org/#double-dot-path-segment
		switch strings.ReplaceAll(strings.ToLower(parts[3]), "%2e", ".") {
		case "", ".", "..":
			t.Fatalf("%q becomes %q", name, parts[3])
		}
	})
}
