package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// An originList has the origins of other sites whose pages may show this server's page and pictures, see
// [Config.AllowOrigins]. "*" stands for every origin.
type originList []string

// newOriginList leaves out what is no origin.
func newOriginList(allowed []string) (l originList) {
	for _, text := range allowed {
		if origin, err := ParseOrigin(text); err == nil {
			l = append(l, origin)
		}
	}
	return l
}

// ParseOrigin returns an origin as browsers write it: scheme and host, and the port unless it is the scheme's usual one. It
// takes the address of a site ("https://Example.org/"), or "*" for every site.
func ParseOrigin(text string) (string, error) {
	if text == "*" {
		return text, nil
	}
	const hostChars = "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]" // the host goes into headers
	u, err := url.Parse(strings.ToLower(strings.TrimSuffix(text, "/")))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Host, hostChars) != "" ||
		u.Scheme+"://"+u.Host != u.String() {
		return "", fmt.Errorf("%q is no origin: give scheme and host without a path, such as https://example.org", text)
	}
	usual := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return u.Scheme + "://" + strings.TrimSuffix(strings.TrimSuffix(u.Host, usual), ":"), nil
}

// allows reports whether a page of this origin may read and show what this server answers.
func (l originList) allows(origin string) bool {
	return origin != "" && (slices.Contains(l, "*") || slices.Contains(l, origin))
}

// protect sets what keeps other sites away from an answer, and tells browsers which sites are allowed:
//
//   - Content-Security-Policy: the page and its workers load from this server alone, and other sites cannot frame it.
//   - Cross-Origin-Resource-Policy: other sites cannot show the pictures in an <img>. A browser does not tell which site
//     asks for an <img>, so if one site may, all may.
//   - Access-Control-Allow-Origin: scripts of the allowed sites can read what is answered.
func (l originList) protect(header http.Header, r *http.Request) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", pagePolicy+"; "+l.ancestors())
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	if len(l) == 0 {
		return
	}
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	header.Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); l.allows(origin) {
		header.Set("Access-Control-Allow-Origin", origin)
	}
}

// ancestors is the part of a Content-Security-Policy that says which sites may show the page in a frame.
func (l originList) ancestors() string {
	return strings.Join(append([]string{"frame-ancestors 'self'"}, l...), " ")
}
