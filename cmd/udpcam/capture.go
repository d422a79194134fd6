package main

import (
	"cmp"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/sender/source"
)

// openSource opens the source of --source, or else the usual one. The flags complete its options. It returns the source's
// name too.
func openSource(c *cli.Context, usual string, o source.Options) (name string, src source.Source, err error) {
	name = cmp.Or(c.String("source"), usual)
	if name == "" {
		return "", nil, cmdline.Usagef("without OpenCV, udpcam has no cameras on this system: " +
			"name another source, such as --source test:")
	}
	o.FPS = c.Float64("fps")
	o.Loop = c.Bool("loop")
	if o.Size, err = cmdline.ParseSize(c.String("size")); err != nil {
		return "", nil, err
	}
	o.Quality = c.Int("quality")
	o.Format = c.String("format")
	o.Controls = cmdline.List(c, "control")
	o.Rotate = c.Int("rotate")
	o.Text = c.String("text")
	o.DropSame = c.Int("drop-same")
	if isUpload(name) {
		o.AllowHosts, o.Token = cmdline.List(c, "allow-host"), c.String("token")
		if o.User, o.Password, err = authOf(c); err != nil {
			return "", nil, err
		}
	}
	src, err = source.Open(name, o)
	err = cmdline.UsageIf(err, source.ErrUnknown, source.ErrName, source.ErrOption, source.ErrNoOpenCV)
	return name, src, err
}

// isUpload reports whether a source is a server that pictures are posted to.
func isUpload(source string) bool { return strings.HasPrefix(strings.ToLower(source), "post:") }

// streamName is the default name of a stream: this host's name, and a word for the source unless that is the default
// camera. So two senders on one host have different names.
func streamName(source string) string {
	host, _ := os.Hostname() // without one, the word has to do
	host, _, _ = strings.Cut(host, ".")
	return protocol.CleanName(strings.Trim(host+"-"+sourceWord(source), "-"))
}

var notInNames = regexp.MustCompile(`[^\pL\p{Nd}.]`)

// sourceWord is a short word for a source: its scheme, the host or device of its camera, or the name of its file without
// the extension. It never holds a password.
func sourceWord(name string) string {
	scheme, rest, hasScheme := strings.Cut(name, ":")
	switch {
	case name == source.Default() || name == "":
		return ""
	case name == "-":
		return "stdin"
	case scheme == "v4l2":
		return cmp.Or(strings.Trim(filepath.Base(rest), "./"), scheme)
	case strings.Contains(rest, "//") && strings.HasPrefix(scheme, "http"):
		if u, err := url.Parse(name); err == nil {
			return u.Hostname()
		}
		return scheme
	case hasScheme && len(scheme) > 1 && (scheme != "opencv" || strings.Contains(rest, "/")):
		return scheme
	}
	word := filepath.Base(name)
	word = strings.TrimSuffix(word, filepath.Ext(word))
	return cmp.Or(strings.Trim(notInNames.ReplaceAllString(word, "-"), "-."), "files")
}
