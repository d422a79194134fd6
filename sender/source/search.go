package source

import (
	"errors"
	"io"

	"udpcam/protocol"
)

// maxSearch is how many bytes are searched for a picture before giving up: four of the largest pictures. It stops
// endless senders of other data, and long reads of a wrong file.
const maxSearch = 4 * (protocol.MaxFrameSize + 1)

// errStopped says, between the functions of a driver, that the caller of Frames wants no more or that ctx is done.
var errStopped = errors.New("stopped")

var errNothingFound = errors.New("64 MB without a whole JPEG in it")

// A search is a reader that gives up after maxSearch bytes in which no picture was found.
type search struct {
	r    io.Reader
	read int // bytes since the last picture
	err  error
}

func (s *search) Read(p []byte) (int, error) {
	if s.read > maxSearch {
		s.err = errNothingFound
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.read += n
	if err != nil {
		s.err = err
	}
	return n, err
}

// cause returns the error of the reader below, without what has been wrapped around it on the way up as err.
func (s *search) cause(err error) error {
	if s.err != nil {
		return s.err
	}
	return err
}

// found tells the search that there was a picture.
func (s *search) found() { s.read = 0 }
