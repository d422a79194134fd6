package mjpeg

import (
	"fmt"
	"io"
)

// A Reason says why something in a stream was left out.
type Reason string

// The reasons for leaving something out.
const (
	Garbage   Reason = "garbage"   // bytes between pictures that are neither multipart text nor padding
	Truncated Reason = "truncated" // a picture cut off by the next one or by the end of the stream
	Oversized Reason = "oversized" // a picture longer than MaxFrameSize
	Malformed Reason = "malformed" // a picture without a marker where one must be, or with a marker that must not be there
)

// defaultMaxFrameSize is what a MaxFrameSize of 0 means.
const defaultMaxFrameSize = 1<<24 - 1

// ReaderOptions are the options of a [Reader]. The zero value is the default.
type ReaderOptions struct {
	// MaxFrameSize is the largest picture, in bytes, that is taken; a longer one is skipped. 0 means 16 MiB - 1.
	// It also bounds the memory that a Reader holds: to about twice as much.
	MaxFrameSize int
	// Mend also takes pictures that are not whole by the letter but that decoders show as well as others. Then Next returns
	// them as they should be: see mend.go.
	Mend bool
	// Skip, if set, is called by Next, once for each thing left out. That is a run of garbage of any length, or a broken
	// picture with all bytes up to the next picture.
	Skip func(reason Reason)
	// Alloc, if set, returns memory for pictures: that many bytes, with any content. Without it, the memory is new. Alloc
	// may use the memory of a slice that Next has returned again, up to the end of the slice's capacity, when nobody needs
	// the picture any more.
	Alloc func(size int) []byte
}

// A Reader cuts whole JPEGs out of a byte stream. One goroutine at a time may use it.
type Reader struct {
	src   io.Reader
	err   error // the error with which src ended; it is returned when no whole picture is left
	limit int
	skip  func(Reason)
	mend  bool
	buf   buffer

	// Where the scan is. Offsets count from the first pending byte of buf.
	inPicture bool   // the first pending bytes are an SOI, and walk is at work behind it
	walk      walker // while inPicture
	search    int    // while not inPicture: how far the search for an SOI has come
	extent    int    // bytes that a broken picture has claimed
	strict    bool   // within extent, only an SOI behind a blank line begins a picture
	counted   bool   // what is being left out has been reported
	declared  int    // with mend: the length that the header of the picture's part gives, 0 if there is none
}

// NewReader returns a Reader that reads from r, as much at a time as it can.
func NewReader(r io.Reader, o ReaderOptions) *Reader {
	if o.MaxFrameSize <= 0 {
		o.MaxFrameSize = defaultMaxFrameSize
	}
	if o.Skip == nil {
		o.Skip = func(Reason) {}
	}
	if o.Alloc == nil {
		o.Alloc = func(size int) []byte { return make([]byte, size) }
	}
	return &Reader{src: r, limit: o.MaxFrameSize, skip: o.Skip, mend: o.Mend, buf: buffer{alloc: o.Alloc, typical: firstSize}}
}

// Next returns the next whole picture, byte for byte as it stands in the stream (but see Mend), as soon as its last byte has
// been read. The slice is the caller's for ever. At the end of the stream the error is [io.EOF], also if a picture is cut
// off there; any other error of the underlying reader is returned wrapped, after the pictures that were whole before
// it. Once Next has returned an error it returns the same error again.
func (r *Reader) Next() ([]byte, error) {
	for {
		if picture := r.scan(); picture != nil {
			return picture, nil
		}
		if r.err != nil {
			return nil, r.err
		}
		r.fill()
	}
}

// fill reads until something has been read or src ends.
func (r *Reader) fill() {
	const tries = 100 // how often a Read may return nothing at all, as in bufio
	for range tries {
		n, err := r.src.Read(r.buf.room())
		r.buf.hi += n
		switch {
		case err == io.EOF:
			r.err = io.EOF
		case err != nil:
			r.err = fmt.Errorf("mjpeg: reading the stream: %w", err)
		}
		if n > 0 || err != nil {
			return
		}
	}
	r.err = fmt.Errorf("mjpeg: reading the stream: %w", io.ErrNoProgress)
}
