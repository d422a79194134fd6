package film

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// An mp4Track is a track of an MP4 or QuickTime file (ISO/IEC 14496-12; Apple's "QuickTime File Format"). Its tables stay in
// the file, and are read as the pictures are.
type mp4Track struct {
	handler   string
	codec     string
	timescale float64 // units of time in a second
	// The tables: how long samples last (stts), how many are in a chunk (stsc), how large they are (stsz), and where the
	// chunks are (stco, co64).
	durations, perChunk, sizes, chunks table
	wide                               bool // the places of chunks have 8 bytes
}

// maxTracks is how many tracks of a film are looked at.
const maxTracks = 64

// A box is a part of an MP4 file.
type box struct {
	kind         string
	content, end int64
}

func boxAt(in input, at int64) (b box, err error) {
	var header [16]byte
	if err := in.read(header[:8], at); err != nil {
		return b, notRead(err, ErrCut)
	}
	size := uint64(binary.BigEndian.Uint32(header[:]))
	b = box{kind: string(header[4:8]), content: at + 8}
	switch size {
	case 0: // up to the end of the file
		b.end = in.size
		return b, nil
	case 1:
		if err := in.read(header[:], at); err != nil {
			return b, notRead(err, ErrCut)
		}
		size = binary.BigEndian.Uint64(header[8:])
		b.content = at + 16
	}
	if size > uint64(in.size-at) {
		return b, ErrCut
	}
	b.end = at + int64(size)
	if b.end < b.content {
		return b, fmt.Errorf("%w at byte %d", ErrDamaged, at)
	}
	return b, nil
}

func openMP4(in input, brand string) (*Film, error) {
	kind := "MP4"
	if brand[:2] == "qt" {
		kind = "QuickTime"
	}
	var tracks []*mp4Track
	found, moov, fragments := "", false, false
	for at, n := int64(0), 0; at < in.size; n++ {
		b, err := boxAt(in, at)
		if err == nil && n > maxBarren {
			err = ErrDamaged
		}
		if err != nil {
			return nil, fmt.Errorf("%w; its table of pictures, which is written last, is missing", err)
		}
		if moov = moov || b.kind == "moov"; b.kind == "moof" {
			fragments = true
			break
		}
		switch at = b.end; b.kind {
		case "trak":
			if len(tracks) < maxTracks {
				tracks = append(tracks, &mp4Track{})
			}
			at = b.content
		case "moov", "mdia", "minf", "stbl":
			at = b.content
		default:
			if len(tracks) > 0 {
				if err := tracks[len(tracks)-1].read(in, b); err != nil {
					return nil, notRead(err, ErrCut)
				}
			}
		}
	}
	for _, t := range tracks {
		switch {
		case t.handler != "vide":
		case t.codec == "jpeg" && fragments:
			return nil, fmt.Errorf("%w: it is in fragments; ffmpeg -i OLD -c copy NEW.mkv makes one that is", ErrForm)
		case t.codec == "jpeg" && t.timescale > 0:
			return &Film{kind, t.pictures, in}, nil
		case found == "":
			found = t.codec
		}
	}
	if !moov {
		return nil, fmt.Errorf("%w; its table of pictures, which is written last, is missing", ErrCut)
	}
	return nil, foreignCodec(codec(found))
}

// read reads a box of a track.
func (t *mp4Track) read(in input, b box) error {
	var head [24]byte
	n := min(int64(len(head)), b.end-b.content)
	if err := in.read(head[:n], b.content); err != nil {
		return err
	}
	u32 := func(at int) uint32 { return binary.BigEndian.Uint32(head[at:]) }
	switch b.kind {
	case "mdhd":
		if t.timescale = float64(u32(12)); head[0] == 1 {
			t.timescale = float64(u32(20))
		}
	case "hdlr":
		if kind := string(head[8:12]); t.handler == "" || kind == "vide" { // QuickTime has another one for the data
			t.handler = kind
		}
	case "stsd":
		return t.describe(in, b)
	case "stts":
		t.durations = newTable(in, b, 4, 8, u32(4))
	case "stsc":
		t.perChunk = newTable(in, b, 4, 12, u32(4))
	case "stsz":
		t.sizes = newTable(in, b, 8, 4, u32(8))
		t.sizes.same = u32(4)
	case "stco", "co64":
		t.wide = b.kind == "co64"
		width := 4
		if t.wide {
			width = 8
		}
		t.chunks = newTable(in, b, 4, width, u32(4))
	}
	return nil
}

// describe reads what the pictures of a track are. In MP4, JPEGs are "mp4v", and a descriptor says that they are JPEGs.
func (t *mp4Track) describe(in input, b box) error {
	const most = 4 << 10 // bytes that are looked at
	d := make([]byte, min(most, b.end-b.content))
	if err := in.read(d, b.content); err != nil {
		return err
	}
	if len(d) < 16 {
		return ErrDamaged
	}
	switch t.codec = string(d[12:16]); t.codec {
	case "jpeg", "mjpa", "MJPG", "AVRn", "dmb1":
		t.codec = "jpeg"
	case "mp4v":
		if _, descriptor, ok := bytes.Cut(d, []byte("esds")); ok && objectType(descriptor) == jpegObject {
			t.codec = "jpeg"
		}
	}
	return nil
}

// jpegObject is the object type of JPEGs (ISO/IEC 14496-1, table 5).
const jpegObject = 0x6C

// objectType returns the object type that an esds box tells, 0 if it tells none (ISO/IEC 14496-1, section 7.2.6).
func objectType(esds []byte) byte {
	const es, config = 3, 4 // tags of descriptors
	if len(esds) < 4 {
		return 0
	}
	b := esds[4:] // behind version and flags
	for _, tag := range []byte{es, config} {
		if len(b) == 0 || b[0] != tag {
			return 0
		}
		for b = b[1:]; len(b) > 0 && b[0]&0x80 != 0; b = b[1:] { // the length, in up to four bytes
		}
		if len(b) < 4 {
			return 0
		}
		b = b[1:]
		if tag == es {
			if b[2]&0xE0 != 0 { // further fields, which no writer of JPEGs has
				return 0
			}
			b = b[3:]
		}
	}
	return b[0]
}
