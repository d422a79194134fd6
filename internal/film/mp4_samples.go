package film

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A table is a table of numbers in a file, of which each entry has some bytes.
type table struct {
	in    input
	at    int64 // of the first entry
	width int
	n     int64  // how many entries there are
	same  uint32 // all have this value, if it is not 0
}

// newTable returns the table in a box. Its entries begin behind version and flags, so many bytes, and their number. A table
// has no more entries than fit into its box.
func newTable(in input, b box, before, width int, n uint32) table {
	at := b.content + int64(before) + 4
	return table{in: in, at: at, width: width, n: min(int64(n), max(0, b.end-at)/int64(width))}
}

// reader returns what reads the entries one after the other.
func (t table) reader() *bufio.Reader {
	return bufio.NewReader(io.NewSectionReader(t.in, t.at, t.n*int64(t.width)))
}

// next reads the next entry into b. It returns false behind the last.
func next(r *bufio.Reader, b []byte) (ok bool, err error) {
	_, err = io.ReadFull(r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	}
	return err == nil, err
}

// A run is a number that holds for some entries.
type run struct {
	r     *bufio.Reader
	value uint32 // of the present entry
	left  uint32 // how many entries it still holds for
}

// pictures yields the samples of a track, chunk by chunk.
func (t *mp4Track) pictures(w *walk) error {
	chunks, perChunk, sizes := t.chunks.reader(), t.perChunk.reader(), t.sizes.reader()
	durations := run{r: t.durations.reader()}
	var place [8]byte
	var change, ahead [12]byte // first chunk, samples in each, description
	ok, err := next(perChunk, change[:])
	if err != nil || !ok {
		return errors.Join(err, fmt.Errorf("%w: its tables are empty", ErrDamaged))
	}
	more, err := next(perChunk, ahead[:])
	if err != nil {
		return err
	}
	units := float64(0)
	for chunk := uint32(1); ; chunk++ {
		if ok, err := next(chunks, place[:t.chunks.width]); err != nil || !ok {
			return err
		}
		at := int64(binary.BigEndian.Uint32(place[:]))
		if t.wide {
			at = int64(binary.BigEndian.Uint64(place[:]))
		}
		for more && chunk >= binary.BigEndian.Uint32(ahead[:]) {
			change = ahead
			if more, err = next(perChunk, ahead[:]); err != nil {
				return err
			}
		}
		for range binary.BigEndian.Uint32(change[4:]) {
			size := t.sizes.same
			if size == 0 {
				var entry [4]byte
				if ok, err := next(sizes, entry[:]); err != nil || !ok {
					return err
				}
				size = binary.BigEndian.Uint32(entry[:])
			}
			if err := w.picture(since(units, t.timescale), at, int64(size)); err != nil {
				return err
			}
			at += int64(size)
			step, err := durations.next()
			if err != nil {
				return err
			}
			units += float64(step)
		}
		if err := w.step(); err != nil {
			return err
		}
	}
}

// next returns the next entry's value. Behind the last it stays as it is.
func (r *run) next() (uint32, error) {
	var entry [8]byte // for how many entries, and the value
	for n := 0; r.left == 0 && n < maxBarren; n++ {
		ok, err := next(r.r, entry[:])
		if err != nil || !ok {
			return r.value, err
		}
		r.left, r.value = binary.BigEndian.Uint32(entry[:]), binary.BigEndian.Uint32(entry[4:])
	}
	if r.left > 0 {
		r.left--
	}
	return r.value, nil
}
