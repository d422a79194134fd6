package discovery

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/miekg/dns"

	"udpcam/protocol"
)

const (
	domain      = "local."
	serviceType = "_udpcam._udp." + domain
	allTypes    = "_services._dns-sd._udp." + domain // RFC 6763, 9
	maxLabel    = 63                                 // bytes (RFC 1035, 2.3.4)
)

// label returns the instance name for a stream's name: the first, or a later one if others have it already.
func label(name string, try int) string {
	name, suffix := protocol.CleanName(name), ""
	if name == "" {
		name = "udpcam"
	}
	if try > 1 {
		suffix = fmt.Sprintf(" (%d)", try) // RFC 6763, appendix D
	}
	for len(name)+len(suffix) > maxLabel {
		_, last := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-last]
	}
	return name + suffix
}

// escape writes a label as package dns wants it: bytes that mean something in names have a backslash before them.
func escape(label string) string {
	var b strings.Builder
	for i := range len(label) {
		switch c := label[i]; {
		case strings.IndexByte(`.\"(); @$`, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescape undoes escape, also of what package dns has read.
func unescape(label string) string {
	var b strings.Builder
	for i := 0; i < len(label); i++ {
		c := label[i]
		if c == '\\' && i+1 < len(label) {
			if d := label[i+1:]; len(d) >= 3 && digit(d[0]) && digit(d[1]) && digit(d[2]) {
				c = (d[0]-'0')*100 + (d[1]-'0')*10 + d[2] - '0'
				i += 3
			} else {
				c = d[0]
				i++
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// instanceOf returns the instance name in the name of a service of our type.
func instanceOf(name string) (instance string, ok bool) {
	first, rest := cut(name)
	instance = unescape(first)
	return instance, strings.EqualFold(rest, serviceType) && instance != "" && utf8.ValidString(instance)
}

// cut splits a name behind its first label.
func cut(name string) (first, rest string) {
	if next, end := dns.NextLabel(name, 0); !end {
		return name[:next-1], name[next:]
	}
	return strings.TrimSuffix(name, "."), ""
}
