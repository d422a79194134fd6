package source

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"udpcam/internal/v4l2"
)

var (
	// ErrUnknown is wrapped by the error of [Open] for a name that is neither a known scheme nor an existing path.
	ErrUnknown = errors.New("no such source")
	// ErrName is wrapped by the error of [Open] for a name that is malformed, such as a bad URL.
	ErrName = errors.New("bad source name")
	// ErrOption is wrapped by the error of [Open] for an option that is out of range or that the source cannot take.
	ErrOption = errors.New("bad source option")
	// ErrNoJPEG is wrapped by the error of [Open] or of Frames if there is no whole JPEG where one should be.
	ErrNoJPEG = errors.New("no whole JPEG")
)

// A driver is one row of the table that [Open] chooses from.
type driver struct {
	scheme string  // the beginning of the name, before a colon; "" for paths
	form   string  // the name's form, for people; "" if another row has it
	help   string  // what it is, for people
	takes  setting // the options that mean something to it
	open   func(rest string, o Options) (Source, error)
}

// paths are the options that mean something to files and folders.
const paths = fps | loop | follow

// drivers is the table of all sources, in the order in which Help lists them.
var drivers = []driver{
	{"v4l2", "v4l2:  v4l2:/dev/video0", "a camera of this machine: the first that works, or this one",
		fps | size | quality | format | control | text | live, newV4L2},
	{"test", "test:", "a moving test pattern; test:?size=1280x720&fps=30", fps | size | quality | text | live, newTest},
	{"opencv", "opencv:0  opencv:rtsp://HOST/", "the first camera, or anything that OpenCV opens",
		fps | loop | size | quality | text | live, newOpenCV},
	{"http", "http://HOST/PATH", "an IP camera: a stream, or a snapshot at --fps (default: 5)",
		fps | live | remote, newCamera("http")},
	{"https", "https://USER:PASSWORD@HOST/", "the same, encrypted; basic and digest login",
		fps | live | remote, newCamera("https")},
	{"post", "post://0.0.0.0:8081/upload", "listens for JPEGs that cameras POST", live | access, newUpload},
	{"ffmpeg", "ffmpeg:URL  rtsp://HOST/", "all that ffmpeg reads, also rtsps: rtmp: rtmps: srt: rtp: tcp: udp:",
		throughFFmpegTakes, newFFmpeg("")},
	{"rtsp", "", "", throughFFmpegTakes, newFFmpeg("rtsp")},
	{"rtsps", "", "", throughFFmpegTakes, newFFmpeg("rtsps")},
	{"rtmp", "", "", throughFFmpegTakes, newFFmpeg("rtmp")},
	{"rtmps", "", "", throughFFmpegTakes, newFFmpeg("rtmps")},
	{"srt", "", "", throughFFmpegTakes, newFFmpeg("srt")},
	{"rtp", "", "", throughFFmpegTakes, newFFmpeg("rtp")},
	{"tcp", "", "", throughFFmpegTakes, newFFmpeg("tcp")},
	{"udp", "", "", throughFFmpegTakes, newFFmpeg("udp")},
	{"exec", "exec:COMMAND", "a shell command that writes JPEGs; it is started again when it ends", fps | live, newExec},
	{"-", "-", "JPEGs on standard input, as they come or at --fps", fps | live, newStdin},
	{"", "film.mkv  .avi  .mp4  .mov", "a film of JPEGs, at its own times", paths, newPath},
	{"", "film.mjpg", "a file of JPEGs one after another, or a saved stream", paths, newPath},
	{"", "photos/  'photos/*.jpg'", "a folder of JPEGs, or a pattern, in name order; or --follow", paths, newPath},
	{"", "photo.jpg", "one picture, shown until stopped; it may be replaced", paths, newPath},
}

// Open returns the source of a name. See [Help] for the forms. It does not start the source, but checks it: a wrong name or
// option is an error already here, and so is a file that is missing or holds no JPEG. The errors are ErrUnknown, ErrName,
// ErrOption and ErrNoJPEG, wrapped, or those of package os. Their text never holds a password.
//
// The text before the first colon of a name is its scheme ("test" needs no colon). If there is no such scheme, but a file
// with the whole name, the name means that file. "./" in front makes any name a path.
//
// An option that means nothing to the source, such as a picture size to a file, is an error unless it is zero.
func Open(name string, o Options) (Source, error) {
	if name == "" {
		return nil, fmt.Errorf("%w: the name is empty; name one, as test: for a moving picture", ErrUnknown)
	}
	d, rest, err := find(name)
	if err != nil {
		return nil, err
	}
	if err := o.check(d.takes); err != nil {
		return nil, fmt.Errorf("%w (%s)", err, Redact(name))
	}
	o = o.withDefaults()
	src, err := d.open(rest, o)
	if d.scheme == "" && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is no file or folder; other sources begin with %s", ErrUnknown, Redact(name),
			strings.Join(Schemes(), " "))
	}
	return src, err
}

// Default returns the name of the source that is used when none is named. On Linux it is the first camera that works, on
// other systems OpenCV's first camera. Other systems without OpenCV have no default, and Default returns "".
func Default() string {
	switch {
	case v4l2.Supported:
		return "v4l2:"
	case HasOpenCV:
		return "opencv:0"
	}
	return ""
}

// scheme matches a possible scheme (RFC 3986, section 3.1), of at least two letters: a single letter is a drive of Windows.
var scheme = regexp.MustCompile(`(?s)^([a-zA-Z][a-zA-Z0-9+.-]+):(.*)$`)

// find returns the driver for name, and the name without the scheme.
func find(name string) (d driver, rest string, err error) {
	prefix, rest := "", name
	switch m := scheme.FindStringSubmatch(name); {
	case name == "test" || name == "-":
		prefix, rest = name, ""
	case m != nil:
		prefix, rest = strings.ToLower(m[1]), m[2]
	default:
		if before, _, isURL := strings.Cut(name, "://"); isURL {
			prefix = before // the name has no known scheme, but is no path either
		}
	}
	if prefix == "" && isVideoDevice(name) {
		prefix = "v4l2"
	}
	i := slices.IndexFunc(drivers, func(d driver) bool { return d.scheme == prefix })
	if i >= 0 {
		return drivers[i], rest, nil
	}
	if _, err := os.Lstat(name); err == nil {
		return driver{takes: paths, open: newPath}, name, nil
	}
	return driver{}, "", fmt.Errorf("%w: %s: unknown scheme; there are %s, and paths", ErrUnknown, Redact(name),
		strings.Join(Schemes(), " "))
}

// isVideoDevice reports whether a path is any of the names of a camera.
func isVideoDevice(path string) bool {
	target, err := filepath.EvalSymlinks(path)
	return err == nil && strings.HasPrefix(target, "/dev/video") || strings.HasPrefix(path, "/dev/video")
}

// Schemes lists what a source's name can begin with: "test:", "http:", and so on, and "-" for standard input.
func Schemes() []string {
	var names []string
	for _, d := range drivers {
		if d.scheme == "-" {
			names = append(names, d.scheme)
		} else if d.scheme != "" {
			names = append(names, d.scheme+":")
		}
	}
	return names
}

// Help lists the forms that a source's name can have, one a line with a few words on each, for a command's --help.
func Help() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, d := range drivers {
		if d.form != "" {
			fmt.Fprintf(w, "%s\t%s\n", d.form, d.help)
		}
	}
	w.Flush()
	return b.String()
}

// userinfo matches the user and password between the scheme of a URL and its host. It keeps the user's name if that is
// certain. A password may hold any character, so it ends at the last @.
var userinfo = regexp.MustCompile(`(?s)://([^/?#@:]*:)?.*@`)

// oddCharacter says which character of the user or password in a URL cannot stand there as it is, and what to write instead.
func oddCharacter(name string) string {
	_, rest, _ := strings.Cut(name, "://")
	rest = rest[:max(0, strings.LastIndexByte(rest, '@'))]
	for i, c := range rest {
		escape := c == '%' && (len(rest) < i+3 || strings.Trim(rest[i+1:i+3], "0123456789abcdefABCDEF") != "")
		if escape || c != '%' && (strings.ContainsRune("/?#[]\\^`{|}<>\" ", c) || c < ' ' || c > '~') {
			return fmt.Sprintf("the user or password holds %q; write it as %s", c, url.PathEscape(string(c)))
		}
	}
	return "write odd characters of the user or password as % and two digits, such as %2F for /"
}

// Redact returns a source's name as it may be logged: without a password, and without the query of a URL, because some
// cameras want the password there.
//
// Of a command (exec:), only the program is shown.
func Redact(name string) string {
	if command, ok := strings.CutPrefix(name, "exec:"); ok {
		program, rest, _ := strings.Cut(strings.TrimSpace(command), " ")
		if rest != "" {
			program += " …"
		}
		return "exec:" + program
	}
	name = userinfo.ReplaceAllString(name, "://${1}xxxxx@")
	if base, _, ok := strings.Cut(name, "?"); ok && strings.Contains(base, "://") {
		return base + "?…"
	}
	return name
}
