package sink

import (
	"path/filepath"
	"strings"
	"unicode"

	"udpcam/protocol"
)

// fileName makes a file's base name of a stream's name, which comes from the network: letters, digits and -_.@+ of any
// script stay, whatever else becomes an underscore, and so does a dot that leads, which would hide the file or climb
// out of its directory. Two streams may come out alike.
func fileName(stream string) string {
	if len(stream) > protocol.MaxStreamName {
		stream = stream[:protocol.MaxStreamName]
	}
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune("-_.@+", r) {
			return r
		}
		return '_'
	}, strings.ToValidUTF8(stream, "_"))
	switch {
	case name == "":
		name = "udpcam"
	case name[0] == '.':
		name = "_" + name[1:]
	}
	// Names of devices, such as CON on Windows, are not local there, whatever their extension.
	if !filepath.IsLocal(name + ".mjpg") {
		name = "_" + name
	}
	return name
}
