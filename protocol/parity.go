package protocol

import (
	"fmt"

	"github.com/klauspost/reedsolomon"
)

const (
	// maxMatrixData is how many data segments a block may have for its code to be the classic one. Its decoder inverts
	// a k × k matrix, which is cheap for a small block and a millisecond for a large one; measured on one core with
	// 1408-byte segments, 2 lost of 16 take 7 µs (Leopard 12), 3 of 56 take 53 µs (Leopard 23 to 39).
	maxMatrixData = 24

	// maxCodeSize is how many shards of one block, data and parity, the codes over GF(2⁸) have.
	maxCodeSize = 256

	// maxCoders is how many codes a coder keeps. It stops a stream of ever new block sizes from filling the memory.
	maxCoders = 64
)

// A coder computes parity segments and repairs blocks with them. Parity is a systematic Reed-Solomon code over GF(2⁸)
// of k data and m parity shards, m being a power of two:
//
//   - up to maxMatrixData data shards, the code whose parity rows are a Cauchy matrix: row j, column c is
//     1 / ((k + j) xor c), with the polynomial x⁸ + x⁴ + x³ + x² + 1;
//   - above, Leopard-RS (Lin, Al-Naffouri, Han, Chung: Novel Polynomial Basis With Fast Fourier Transform, 2016), as in
//     github.com/catid/leopard, FF8.
//
// Both are as github.com/klauspost/reedsolomon has them. A shard is a segment, padded with zeros to the stride. A coder
// is for one goroutine.
type coder struct {
	codes  map[codeKey]reedsolomon.Encoder
	shards [][]byte
	zeros  []byte // a shard of zeros, never written
	tail   []byte // the frame's last segment, padded
}

type codeKey struct{ data, parity int }

// validCode reports whether a block may have so many data and parity segments.
func validCode(data, parity int) bool {
	return parity > 0 && parity&(parity-1) == 0 && data+parity <= maxCodeSize
}

// codeSize is the smallest code that has so many parity segments for a block of k data segments, or the largest there
// is.
func codeSize(data, parity int) int {
	m := 1
	for m < parity && validCode(data, 2*m) {
		m *= 2
	}
	return m
}

func (c *coder) code(data, parity int) (reedsolomon.Encoder, error) {
	if !validCode(data, parity) {
		return nil, fmt.Errorf("%w: no code has %d data and %d parity segments", ErrMalformed, data, parity)
	}
	key := codeKey{data, parity}
	if e, ok := c.codes[key]; ok {
		return e, nil
	}
	if c.codes == nil || len(c.codes) == maxCoders {
		c.codes = map[codeKey]reedsolomon.Encoder{}
	}
	options := []reedsolomon.Option{
		reedsolomon.WithMaxGoroutines(1), // a block is done before another goroutine is awake
		reedsolomon.WithInversionCache(false),
		reedsolomon.WithLeopardGF(true),
	}
	if data <= maxMatrixData {
		options[2] = reedsolomon.WithCauchyMatrix()
	}
	e, err := reedsolomon.New(data, parity, options...)
	if err == nil {
		c.codes[key] = e
	}
	return e, err
}

// encode computes the parity segments of one block of a frame into parity, which has m of them, each a stride long.
func (c *coder) encode(l layout, block int, frame []byte, parity [][]byte) error {
	e, err := c.code(l.data, len(parity))
	if err != nil {
		return err
	}
	c.shards = c.shards[:0]
	for i := block; i < l.blocks*l.data; i += l.blocks {
		c.shards = append(c.shards, c.shard(l, i, frame))
	}
	c.shards = append(c.shards, parity...)
	err = e.Encode(c.shards)
	clear(c.shards)
	return err
}

// shard returns segment i of a frame, padded to the stride.
func (c *coder) shard(l layout, i int, frame []byte) []byte {
	start, end := l.span(i)
	switch {
	case start >= l.length:
		if len(c.zeros) < l.stride {
			c.zeros = make([]byte, l.stride)
		}
		return c.zeros[:l.stride]
	case end-start < l.stride:
		c.tail = append(append(c.tail[:0], frame[start:end]...), make([]byte, l.stride-(end-start))...)
		return c.tail
	}
	return frame[start:end]
}

// repair fills in the missing data segments of one block. The frame has room for whole strides up to its last segment,
// with zeros behind its end; has tells which segments are there; parity has m entries, of which those that are not
// there are nil. The error is reedsolomon.ErrTooFewShards if too few are.
func (c *coder) repair(l layout, block int, frame []byte, has func(i int) bool, parity [][]byte) error {
	e, err := c.code(l.data, len(parity))
	if err != nil {
		return err
	}
	c.shards = c.shards[:0]
	for i := block; i < l.blocks*l.data; i += l.blocks {
		start := i * l.stride
		switch {
		case start >= l.length:
			c.shards = append(c.shards, c.shard(l, i, nil))
		case has(i):
			c.shards = append(c.shards, frame[start:start+l.stride])
		default:
			c.shards = append(c.shards, frame[start:start:start+l.stride]) // empty, with the room to be rebuilt in
		}
	}
	c.shards = append(c.shards, parity...)
	err = e.ReconstructData(c.shards)
	clear(c.shards)
	return err
}
