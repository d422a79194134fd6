package hub

import (
	"net/url"
	"strings"
)

// Prefix begins every subject. Only _INBOX subjects, to which answers go, begin otherwise.
const Prefix = "udpcam.v1."

// ListSubject is where an edge asks who is there. With an empty body publishers answer, and with ListAll everybody does.
const (
	ListSubject = Prefix + "list"
	ListAll     = "all"
)

// InfoSubject is where a publisher tells of itself unasked. The instance "*" stands for all of them.
func InfoSubject(instance string) string { return Prefix + "info." + instance }

// WantSubject is where a publisher is asked for frames of a stream. An instance is a random name of a process, without dots.
func WantSubject(instance, stream string) string {
	return Prefix + "want." + instance + "." + Token(stream)
}

// Token returns a stream's name as one token of a subject. Names are any bytes. Percent-encoding leaves dots, which separate
// tokens, and an empty name would be no token.
func Token(name string) string {
	if name == "" || name[0] == '~' {
		name = "~" + name
	}
	return strings.ReplaceAll(url.PathEscape(name), ".", "%2E")
}

// NameOf is the reverse of Token. It returns false if no name has that token.
func NameOf(token string) (name string, ok bool) {
	name, err := url.PathUnescape(token)
	name = strings.TrimPrefix(name, "~")
	return name, err == nil && Token(name) == token
}
