package mjpeg

import "bytes"

const (
	// lookBehind is how many bytes before an SOI behindBlankLine needs.
	lookBehind = 3
	// maxGap is the most text between two pictures that is not garbage, in bytes: an HTTP response header, generously.
	maxGap = 4 << 10
)

// behindBlankLine reports whether text ends with a blank line, as it does before the body of a part.
func behindBlankLine(text []byte) bool {
	return bytes.HasSuffix(text, []byte("\n\r\n")) || bytes.HasSuffix(text, []byte("\n\n"))
}

// behindPartHeader also demands a header line or a boundary before the blank line.
func behindPartHeader(text []byte) bool {
	if !behindBlankLine(text) {
		return false
	}
	const longest = 256 // bytes of a line that are looked at
	text = bytes.TrimRight(text, "\r\n")
	line := text[max(0, len(text)-longest):]
	line = line[bytes.LastIndexByte(line, '\n')+1:]
	return len(line) > 0 && kindOf(line) != binaryLine
}

// isMultipartText reports whether what lies between two pictures belongs there. That is nothing, padding, or boundaries and
// header fields (RFC 2046, section 5.1). At least one line must be recognisable as a boundary or field.
func isMultipartText(gap []byte) bool {
	if len(gap) > maxGap {
		return false
	}
	text := trimPadding(gap)
	recognised := len(text) == 0 || behindBlankLine(gap)
	for line := range bytes.Lines(text) {
		switch kindOf(bytes.TrimRight(line, "\r\n")) {
		case binaryLine:
			return false
		case multipartLine:
			recognised = true
		}
	}
	return recognised
}

// trimPadding cuts off zeros, white space and fill bytes at both ends. Any number of bytes FF may stand before a marker
// (T.81, B.1.1.2), so also before an SOI.
func trimPadding(gap []byte) []byte {
	isPadding := func(c byte) bool { return c == 0 || c == 0xFF || c == ' ' || c == '\t' || c == '\r' || c == '\n' }
	for len(gap) > 0 && isPadding(gap[0]) {
		gap = gap[1:]
	}
	for len(gap) > 0 && isPadding(gap[len(gap)-1]) {
		gap = gap[:len(gap)-1]
	}
	return gap
}

type lineKind int

const (
	binaryLine    lineKind = iota // no text that belongs between parts
	wordLine                      // a single word, which may be a boundary without dashes, or nothing
	multipartLine                 // a boundary with dashes, a header field, or an HTTP status line
)

// kindOf tells what a line is, without its end. Cameras have all sorts of boundaries: some leave out the dashes, some have
// spaces in it.
func kindOf(line []byte) lineKind {
	if bytes.ContainsFunc(line, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7F }) {
		return binaryLine
	}
	name, _, isField := bytes.Cut(line, []byte(":"))
	switch {
	case bytes.HasPrefix(line, []byte("--")), bytes.HasPrefix(line, []byte("HTTP/")), isField && isWord(name):
		return multipartLine
	case isWord(line):
		return wordLine
	}
	return binaryLine
}

// isWord reports whether all characters are printable ASCII, and none is a space.
func isWord(text []byte) bool {
	return !bytes.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c >= 0x7F })
}
