package mjpeg

import "strings"

// oracle does the same as a Reader, but has the whole stream from the start. It looks at one byte at a time, has no buffer,
// and never has to resume. The tests compare the Reader with it.
func oracle(stream []byte, limit int) (pictures [][]byte, skips []Reason) {
	gap := 0         // where the bytes behind the last picture begin
	counted := false // what is left out since then has been reported
	extent := 0      // where the last broken picture's claim ends
	strict := false  // whether that broken picture was in a multipart stream

	judge := func(end int) {
		if !counted && !isMultipartText(stream[gap:end]) {
			skips = append(skips, Garbage)
			counted = true
		}
	}
	at := 0
	for at+1 < len(stream) {
		if stream[at] != 0xFF || stream[at+1] != 0xD8 {
			at++
			continue
		}
		before := string(stream[:at])
		inPart := strings.HasSuffix(before, "\n\n") || strings.HasSuffix(before, "\n\r\n")
		if at < extent && strict && !inPart {
			at += 2
			continue
		}
		judge(at)
		end, sure, reason := plainWalk(stream[at:], limit, inPart)
		if reason == "" {
			pictures = append(pictures, stream[at:at+end])
			at += end
			gap, counted, extent = at, false, 0
			continue
		}
		if at >= extent && !(reason == Garbage && counted) {
			skips = append(skips, reason)
		}
		counted = true
		if reason != Garbage {
			extent, strict = max(extent, at+end), inPart
		}
		at += sure
	}
	judge(len(stream))
	return pictures, skips
}

// plainWalk walks the picture that s begins with. It returns where the picture ends. If the picture is broken, it returns
// where and why, and where the search goes on.
func plainWalk(s []byte, limit int, inPart bool) (end, sure int, reason Reason) {
	const none = -1
	at := func(i int) int {
		if i < len(s) {
			return int(s[i])
		}
		return none
	}
	var begun, frame, scan, hierarchical bool
	because := func(r Reason) Reason {
		if !begun {
			return Garbage
		}
		return r
	}

	i := 2
	sure = 2
	segment, table, isQuantization := 0, false, false
	for {
		if at(i) == none || at(i) == 0xFF && at(i+1) == none {
			return i, sure, Truncated
		}
		if at(i) != 0xFF {
			return i, sure, because(Malformed)
		}
		code := at(i + 1)

		isFrame := code >= 0xC0 && code <= 0xCF && code != 0xC4 && code != 0xC8 && code != 0xCC
		isTable := code == 0xC4 || code == 0xCC || code >= 0xDB && code <= 0xDF
		isApp := code >= 0xE0 && code <= 0xEF || code == 0xFE
		switch {
		case isTable, isApp, code == 0xD8, code == 0xFF:
		case isFrame && (!frame || hierarchical):
		case code == 0xDA && frame:
		case code == 0xD9 && scan:
		default:
			return i, sure, because(Malformed)
		}

		if segment > 0 {
			for k := segment; k+2 <= i; k++ {
				if at(k) != 0xFF || at(k+1) != 0xD8 {
					continue
				}
				c := at(k + 3)
				free := c >= 0xE0 && c <= 0xEF || c == 0xFE
				begins := at(k+2) == 0xFF && (free || c >= 0xC0 && c <= 0xCF && c != 0xC8 || c >= 0xDA && c <= 0xDF)
				noValues := k+4 < i && at(k+4) == 0 || k+4 >= i && free
				if inPart && behindPartHeader(s[:k]) || table && begins && (!isQuantization || noValues) {
					return k, k, because(Truncated)
				}
			}
			segment = 0
		}

		if code == 0xD8 {
			return i, i, because(Truncated)
		}
		if i+2 > limit {
			return i, i, because(Oversized)
		}
		if code == 0xFF {
			i++
			sure = i
			continue
		}
		if code == 0xD9 {
			return i + 2, i + 2, ""
		}

		if at(i+2) == none || at(i+3) == none {
			return i, sure, Truncated
		}
		length := at(i+2)*256 + at(i+3)
		if length < 2 {
			return i, sure, because(Malformed)
		}
		if code == 0xDA && length != 8 && length != 10 && length != 12 && length != 14 {
			return i, sure, because(Malformed)
		}
		begun = true
		frame = frame || isFrame
		hierarchical = hierarchical || code == 0xDE
		sure = i + 2
		segment, table, isQuantization = i+4, isTable || isFrame, code == 0xDB
		inside := i + 4
		i += 2 + length
		if code != 0xDA {
			continue
		}

		scan, segment = true, 0
		if at(i) == none {
			return i, sure, Truncated
		}
		for k := inside; k+1 <= i; k++ {
			if at(k) == 0xFF && at(k+1) == 0xD8 {
				return k, k, Truncated
			}
		}
		for {
			if i+2 > limit {
				return i, i, Oversized
			}
			if at(i) == none || at(i) == 0xFF && at(i+1) == none {
				return i, i, Truncated
			}
			if at(i) != 0xFF {
				i++
				continue
			}
			next := at(i + 1)
			if next == 0 || next >= 0xD0 && next <= 0xD7 {
				i += 2
				continue
			}
			if next == 0xFF {
				i++
				continue
			}
			break
		}
		sure = i
	}
}
