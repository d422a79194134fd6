package film

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"github.com/at-wat/ebml-go"
)

// An Element is a part of a Matroska file, as its header says (RFC 8794, section 4).
type Element struct {
	ID           string // its bytes
	Content, End int64  // offsets; End is -1 if the size is unknown
}

// Is reports whether the element is of a type.
func (e Element) Is(t ebml.ElementType) bool { return e.ID == string(t.Bytes()) }

// ElementAt reads the header of an element. It returns io.EOF if the file ends before it does, and ErrDamaged if there is
// none.
func ElementAt(file io.ReaderAt, at int64) (e Element, err error) {
	var header [4 + 8]byte
	n, err := file.ReadAt(header[:], at)
	if err != nil && err != io.EOF {
		return e, err
	}
	id, err := number(header[:n], 4)
	if err != nil {
		return e, err
	}
	size, err := number(header[len(id):n], 8)
	if err != nil {
		return e, err
	}
	e = Element{ID: string(id), Content: at + int64(len(id)+len(size)), End: -1}
	value := [8]byte{}
	copy(value[8-len(size):], size)
	if n := binary.BigEndian.Uint64(value[:]) &^ (1 << (7 * len(size))); n != 1<<(7*len(size))-1 {
		e.End = e.Content + int64(n)
	}
	return e, nil
}

// number returns the number of variable length (RFC 8794, section 4) at the beginning of b.
func number(b []byte, longest int) ([]byte, error) {
	if len(b) == 0 {
		return nil, io.EOF
	}
	n := bits.LeadingZeros8(b[0]) + 1
	if n > longest {
		return nil, ErrDamaged
	}
	if n > len(b) {
		return nil, io.EOF
	}
	return b[:n], nil
}

// Integer returns the value of an element that is a number without a sign, below 2⁶³.
func Integer(file io.ReaderAt, e Element) (int64, error) {
	var value [8]byte
	n := e.End - e.Content
	if n < 0 || n > int64(len(value)) {
		return 0, fmt.Errorf("%w at byte %d", ErrDamaged, e.Content)
	}
	_, err := file.ReadAt(value[int64(len(value))-n:], e.Content)
	return int64(binary.BigEndian.Uint64(value[:]) &^ (1 << 63)), err
}
