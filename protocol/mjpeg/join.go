package mjpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
)

var errJoin = errors.New("mjpeg: the pictures are no strips of one")

// Join makes one picture of strips that were encoded separately. The first strip is the top one. Join decodes nothing. They
// must be baseline pictures in one scan, encoded alike (the same tables, width and sampling) and without restart markers.
// All but the last must have the same height, a number of whole MCUs. The last must not be higher.
//
// Each strip becomes one restart interval (T.81, E.1.4). The data of a restart interval begins at a whole byte, with DC
// predictions of zero. So does the data of a picture. So the headers are those of the first strip, with the height of all.
// The data of the strips follow, with restart markers between.
func Join(strips [][]byte) ([]byte, error) {
	if len(strips) == 0 {
		return nil, errJoin
	}
	parsed := make([]strip, len(strips))
	first := &parsed[0]
	total, height := 0, 0
	for i, jpeg := range strips {
		s, err := parseStrip(jpeg)
		if err != nil {
			return nil, err
		}
		parsed[i] = s
		last := i == len(strips)-1
		if s.size.X != first.size.X || s.sampling != first.sampling || s.size.Y > first.size.Y ||
			!last && (s.size.Y != first.size.Y || s.size.Y%first.unit.Y != 0) {
			return nil, errJoin
		}
		total += len(jpeg)
		height += s.size.Y
	}
	units := (first.size.X + first.unit.X - 1) / first.unit.X * ((first.size.Y + first.unit.Y - 1) / first.unit.Y)
	if height > 0xFFFF || units > 0xFFFF {
		return nil, errJoin
	}
	out := append(make([]byte, 0, total), strips[0][:first.scan]...)
	binary.BigEndian.PutUint16(out[first.frame+5:], uint16(height))
	out = append(out, 0xFF, markerDRI, 0, 4, byte(units>>8), byte(units))
	out = append(out, strips[0][first.scan:first.data]...)
	for i, s := range parsed {
		if i > 0 {
			out = append(out, 0xFF, markerRST0+byte((i-1)%8))
		}
		out = append(out, strips[i][s.data:len(strips[i])-2]...)
	}
	return append(out, 0xFF, markerEOI), nil
}

// A strip says where the parts of a picture are.
type strip struct {
	coefficients
	sampling          string // of the components
	frame, scan, data int    // where the frame header, the scan header and the scan's data begin
}

func parseStrip(jpeg []byte) (s strip, err error) {
	if !bytes.HasPrefix(jpeg, soi) || !bytes.HasSuffix(jpeg, []byte{0xFF, markerEOI}) {
		return s, errJoin
	}
	for at, segment := range segments(jpeg) {
		end := at + len(segment)
		switch code := segment[1]; {
		case end > len(jpeg)-2 || code == markerDRI:
			return s, errJoin
		case code == markerSOF0:
			s.frame, s.sampling = at, string(segment[9:])
			err = s.readHeader(segment[4:])
		case code == markerSOS:
			s.scan, s.data = at, end
		}
		if err != nil {
			return s, err
		}
	}
	if s.frame == 0 || s.scan == 0 {
		return s, errJoin
	}
	return s, nil
}
