package main

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/sender/source"
)

// A stream is one source of send, and the name that it gets.
type stream struct{ source, name string }

func (s stream) isUpload() bool { return isUpload(s.source) }

// streamsOf pairs sources with names, the first with the first. A source without a name gets one of its own later.
func streamsOf(sources, names []string) (streams []stream, err error) {
	if len(sources) == 0 {
		sources = []string{""}
	}
	if len(names) > len(sources) {
		return nil, cmdline.Usagef("--name is given %d times, and --source %d times: give at most one name to a source",
			len(names), len(sources))
	}
	for i, s := range sources {
		this := stream{source: s}
		if i < len(names) {
			this.name = names[i]
			switch clean := protocol.CleanName(this.name); {
			case clean != this.name:
				return nil, cmdline.Usagef("--name %q: give at most %d bytes of printable text", this.name, protocol.MaxStreamName)
			case slices.Contains(names[:i], this.name):
				return nil, cmdline.Usagef("--name %q is given twice: receivers tell streams apart by their names", this.name)
			}
		}
		if s == "-" && slices.Contains(sources[:i], s) {
			return nil, cmdline.Usagef("--source - is given twice: there is one standard input")
		}
		streams = append(streams, this)
	}
	return streams, nil
}

// A claim is the names that a command has taken on this host. Others on the host that choose a name find these taken.
type claim []io.Closer

// claimNames gives a name to each stream that has none, and takes all names on this host. Names that the user gave are taken
// first. If one of those is taken already, taken is called with it: it is used all the same.
func claimNames(streams []stream, taken func(name string)) (c claim) {
	for _, s := range streams {
		if s.name != "" && !c.add(s.name) {
			taken(s.name)
		}
	}
	for i := range streams {
		if s := &streams[i]; s.name == "" {
			s.name = streamName(s.source)
			for n := 2; !c.add(s.name); n++ {
				s.name = numbered(streamName(s.source), n)
			}
		}
	}
	return c
}

// add takes a name. It returns false if another stream on this host has it.
func (c *claim) add(name string) bool {
	held, err := holdName(name)
	if held != nil {
		*c = append(*c, held)
	}
	return !errors.Is(err, errTaken) // other errors say that the system cannot keep names
}

func (c claim) release() {
	for _, held := range c {
		held.Close()
	}
}

// numbered is the name of the nth stream with this name.
func numbered(name string, n int) string {
	suffix := fmt.Sprintf("-%d", n)
	return protocol.CleanName(name[:min(len(name), protocol.MaxStreamName-len(suffix))]) + suffix
}

// streamName is the usual name of a source's stream: this host's name, and a word for the source unless that is the default
// camera. So two senders on one network have different names.
func streamName(source string) string {
	host, _ := os.Hostname() // without one, the word has to do
	host, _, _ = strings.Cut(host, ".")
	return protocol.CleanName(strings.Trim(host+"-"+sourceWord(source), "-"))
}

// sourceWord is a short word for a source, which is the same at each start. It has all that tells sources apart: the device
// or the path of a file, the host, port and path of a camera. If that is too long, it has the beginning, or the end of a
// path, and a checksum of all. It never holds a user's name or a password.
func sourceWord(name string) string {
	scheme, rest, hasScheme := strings.Cut(name, ":")
	isURL := hasScheme && strings.Contains(rest, "//")
	switch {
	case name == source.Default() || name == "":
		return ""
	case name == "-":
		return "stdin"
	case scheme == "v4l2" || strings.HasPrefix(name, "/dev/"):
		device := strings.TrimPrefix(name, "v4l2:")
		if strings.Trim(device, "0123456789") == "" {
			device = "video" + device
		}
		return word(filepath.Base(device), strings.TrimPrefix(device, "/dev/"))
	case scheme == "exec": // its arguments may hold a password
		program, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		return summed("exec-"+filepath.Base(program), name)
	case (scheme == "opencv" || scheme == "ffmpeg") && isURL:
		scheme, _, _ = strings.Cut(rest, ":")
		return urlWord(scheme, rest)
	case isURL && len(scheme) > 1:
		return urlWord(scheme, name)
	case scheme == "ffmpeg":
		name = rest
	case hasScheme && len(scheme) > 1:
		return word(scheme, name)
	}
	base := filepath.Base(name)
	return word(strings.TrimSuffix(base, filepath.Ext(base)), name)
}

// urlWord is the word for a source at a URL.
func urlWord(scheme, name string) string {
	u, err := url.Parse(name)
	if err != nil {
		return word(scheme, scheme) // it may hold a password anywhere
	}
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); scheme == "post" || err == nil && ip.IsUnspecified() {
		host = scheme
	}
	all := host
	if port := u.Port(); port != "80" && port != "443" {
		all += "-" + port
	}
	all += u.Path
	query := u.Query()
	for _, key := range slices.Sorted(maps.Keys(query)) {
		if value := query.Get(key); len(value) <= maxPlainValue {
			all += "-" + key + "-" + value
		}
	}
	return word(host, all)
}

const (
	// maxWord is how many bytes of a source a name has, so that it stays short.
	maxWord = 24
	// maxPlainValue is the longest value in a URL's query that counts, in bytes. A channel's number is shorter. What is longer
	// may be a password.
	maxPlainValue = 3
)

var notInNames = regexp.MustCompile(`[^\pL\p{Nd}.]+`)

// word is all that tells a source apart, or if that is too long its most telling part and a checksum.
func word(part, all string) string {
	if full := cleanWord(all); len(full) <= maxWord {
		return cmp.Or(full, "files")
	}
	return summed(part, all)
}

func cleanWord(text string) string {
	return strings.Trim(strings.ReplaceAll(notInNames.ReplaceAllString(text, "-"), "-.", "-"), "-.")
}

// summed is the beginning of a part, and a checksum of all.
func summed(part, all string) string {
	sum := fnv.New32a()
	io.WriteString(sum, all)
	short := cmp.Or(cleanWord(part), "files")
	return fmt.Sprintf("%s-%05x", cleanWord(strings.ToValidUTF8(short[:min(len(short), maxWord)], "")), sum.Sum32()&0xfffff)
}
