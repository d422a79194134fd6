package mjpeg

import "slices"

// Complete appends to dst the picture that b begins with, in a form that any decoder accepts. Bytes behind the picture's
// end are left out, such as the zeros with which cameras fill up their buffers. If the picture has no Huffman tables, the
// standard ones are put in front of its first scan: USB cameras leave them out (USB Video Class, payload Motion-JPEG). All
// else stays as it is. Complete returns the longer slice, or dst and an error: ErrCut, wrapped, or what is broken.
//
// It walks the markers, as [Check] does, and decodes nothing.
func Complete(dst, b []byte) ([]byte, error) {
	length, err := wholeLength(b)
	if err != nil {
		return dst, err
	}
	picture := b[:length]
	dst = slices.Grow(dst, len(picture)+len(standardDHT))
	at := withoutTables(picture)
	if at == 0 {
		return append(dst, picture...), nil
	}
	dst = append(dst, picture[:at]...)
	dst = append(dst, standardDHT...)
	return append(dst, picture[at:]...), nil
}

// withoutTables returns where the first scan of a whole picture begins if the scan needs Huffman tables and there are none
// before it. Otherwise it returns 0.
func withoutTables(picture []byte) int {
	needed := false
	for at, segment := range segments(picture) {
		switch code := segment[1]; {
		case code == markerDHT:
			return 0
		case isSOF(code):
			needed = code == markerSOF0 || code == markerSOF1 // other kinds never use the standard tables
		case code == markerSOS && needed:
			return at
		}
	}
	return 0
}
