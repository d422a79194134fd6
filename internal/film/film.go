// Package film finds the pictures in films of JPEGs: Matroska (.mkv), AVI, MP4 and QuickTime (.mov). It decodes nothing, and
// reads only the headers of a film. It tells of one picture after the other, so a film of any size takes some kilobytes of
// memory.
//
//	f, err := film.Open(file, size)
//	for p, err := range f.Pictures() {
//		// file has p.Size bytes at p.Offset, which are due p.At after the beginning
//	}
//
// Films may be hostile. Each step forward costs bytes of the file, and a film that goes on for long without a picture is
// given up.
package film

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"
)

var (
	// ErrForeign means that a file is no film of a kind that this package knows.
	ErrForeign = errors.New("it is no film")
	// ErrDamaged means that a film cannot be read, from some place on.
	ErrDamaged = errors.New("it is damaged")
	// ErrCut means that a film ends within a picture, or before the first.
	ErrCut = errors.New("it is cut off")
	// ErrForm means that a film is made in a way that this package does not read. The error says how to make another of it.
	ErrForm = errors.New("films of this form are not read")
	// ErrCodec means that the pictures in a film are no JPEGs. The error says what they are.
	ErrCodec = errors.New("its pictures are no JPEGs")
)

// A Picture is a picture of a film.
type Picture struct {
	At     time.Duration // when it is due, after the beginning of the film; never less than that of the picture before
	Offset int64         // where it begins in the file
	Size   int           // in bytes
}

// A Film is a film of JPEGs. It can be read any number of times.
type Film struct {
	// Kind is the form of the file, for people: Matroska, AVI, MP4 or QuickTime.
	Kind string

	pictures func(w *walk) error
	file     input
}

// maxBarren is how many parts of a film may follow each other without a picture among them. It stops films that are made
// to keep a reader busy.
const maxBarren = 1 << 16

// maxAt is the longest film: some 11 years. It stops times that cannot be counted.
const maxAt = 100_000 * time.Hour

// Open returns the film in a file of that size. The error is ErrForeign, ErrDamaged, ErrCut, ErrForm or ErrCodec, wrapped,
// or that of reading. The film reads from the file as long as it is used.
func Open(file io.ReaderAt, size int64) (*Film, error) {
	in := input{file, size}
	var begin [12]byte
	if err := in.read(begin[:], 0); err != nil {
		return nil, notRead(err, ErrForeign)
	}
	switch {
	case string(begin[:4]) == "\x1A\x45\xDF\xA3":
		return openMatroska(in)
	case string(begin[:4]) == "RIFF" && string(begin[8:]) == "AVI ":
		return openAVI(in)
	}
	switch string(begin[4:8]) {
	case "ftyp", "moov", "mdat", "wide", "free", "skip", "pnot":
		return openMP4(in, string(begin[8:]))
	}
	return nil, ErrForeign
}

// Pictures yields the pictures in the order of the file. If the film is damaged or cut off, the last pair is a zero Picture
// and an error, as of Open.
func (f *Film) Pictures() iter.Seq2[Picture, error] {
	return func(yield func(Picture, error) bool) {
		w := &walk{file: f.file, yield: yield}
		if err := f.pictures(w); err != nil && err != errStopped {
			yield(Picture{}, err)
		}
	}
}

// errStopped means that the caller of Pictures wants no more.
var errStopped = errors.New("stopped")

// A walk goes through a film and yields what it finds.
type walk struct {
	file   input
	yield  func(Picture, error) bool
	barren int // how many parts had no picture
	first  time.Duration
	last   time.Duration
	begun  bool
}

// step is called for each part of a film.
func (w *walk) step() error {
	if w.barren++; w.barren > maxBarren {
		return fmt.Errorf("%w: it goes on for long without a picture", ErrDamaged)
	}
	return nil
}

// picture yields a picture. Its time may count from anywhere: that of the first picture becomes 0.
func (w *walk) picture(at time.Duration, offset, size int64) error {
	if !w.begun {
		w.first, w.begun = at, true
	}
	if at = at - w.first; at > w.last {
		w.last = min(at, maxAt)
	}
	if offset < 0 || size < 0 || offset > w.file.size-size {
		return fmt.Errorf("%w within a picture", ErrCut)
	}
	const smallest = 20 // bytes that any JPEG has; some recorders leave a picture out, and write less in its place
	if size < smallest || size > math.MaxInt32 {
		return w.step()
	}
	w.barren = 0
	if !w.yield(Picture{w.last, offset, int(size)}, nil) {
		return errStopped
	}
	return nil
}

// since turns a time in units into a duration; perSecond is how many units a second has. It is maxAt at most.
func since(units, perSecond float64) time.Duration {
	seconds := units / perSecond
	if !(math.Abs(seconds) <= maxAt.Seconds()) { // nor NaN
		return maxAt
	}
	return time.Duration(math.Round(seconds * float64(time.Second)))
}

// An input is a file and its size.
type input struct {
	io.ReaderAt
	size int64
}

// read fills b from an offset on. The error is io.EOF if the file ends before.
func (in input) read(b []byte, at int64) error {
	if at < 0 || at > in.size-int64(len(b)) {
		return io.EOF
	}
	n, err := in.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	return err
}

// notRead returns the error for a place that could not be read: what is given if the file ends there.
func notRead(err, atEnd error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return atEnd
	}
	return err
}

// foreignCodec is the error for a film whose pictures are something else.
func foreignCodec(what string) error {
	if what == "" {
		return fmt.Errorf("%w: it has no pictures at all", ErrCodec)
	}
	return fmt.Errorf("%w: they are %s", ErrCodec, printable(what))
}

// printable makes a name from a file fit for people.
func printable(name string) string {
	b := []byte(name)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b[:min(len(b), 32)])
}

// codecs are names for people of what films may hold besides JPEGs.
var codecs = map[string]string{
	"avc1": "H.264", "avc3": "H.264", "H264": "H.264", "h264": "H.264", "X264": "H.264", "V_MPEG4/ISO/AVC": "H.264",
	"hvc1": "H.265", "hev1": "H.265", "HEVC": "H.265", "V_MPEGH/ISO/HEVC": "H.265",
	"mp4v": "MPEG-4", "FMP4": "MPEG-4", "XVID": "MPEG-4", "DIVX": "MPEG-4", "DX50": "MPEG-4", "V_MPEG4/ISO/ASP": "MPEG-4",
	"av01": "AV1", "V_AV1": "AV1", "vp09": "VP9", "V_VP9": "VP9", "vp08": "VP8", "V_VP8": "VP8",
}

// codec returns the name for people of a codec.
func codec(id string) string {
	if name, ok := codecs[id]; ok {
		return name
	}
	return id
}
