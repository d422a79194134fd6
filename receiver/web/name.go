package web

import (
	"net/url"
	"strings"
)

// Stream names are any bytes that the network brings, and become one segment of a URL's path. Percent-encoding takes
// care of all but three: an empty segment is removed from a path, and so are "." and "..", even when they are encoded.
// So names that are empty or begin with a dot get a "~" in front, as do those that begin with one.

// pathSegment returns a stream's name as a segment of a URL's path.
func pathSegment(name string) string {
	if name == "" || name[0] == '.' || name[0] == '~' {
		name = "~" + name
	}
	return url.PathEscape(name)
}

// pagePath returns the path of a stream's page, relative to the page of the front stream.
func pagePath(name string) string { return "streams/" + pathSegment(name) + "/" }

// nameFromPath is the reverse of pathSegment for a segment that has been percent-decoded already.
func nameFromPath(segment string) string {
	return strings.TrimPrefix(segment, "~")
}
