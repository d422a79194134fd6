package protocol

import "github.com/klauspost/reedsolomon"

// minEncoderRows is from how many rows of parity on a block is given to an encoder of the library. Measured at k = 56: with
// four rows it is no faster, with eight it takes three quarters of the time.
const minEncoderRows = 8

// An encoders computes the parity that follows a frame's data, as [encode] does, but faster where there is much of it. An
// encoder of the library works on several shards at once: 17 rows take two thirds of the time. But it is for one k and one
// p only, and to make one costs more than it saves once, so encoders are kept. The zero value is ready. It is for one
// goroutine at a time.
type encoders struct {
	made   map[encoderSize]reedsolomon.Encoder
	shards [][]byte
	zeros  []byte // a shard of zeros, never written
}

type encoderSize struct{ data, parity int }

// encode computes the first rows of parity of one block of a frame, one into each of parity.
func (e *encoders) encode(l layout, block int, frame []byte, parity [][]byte) {
	if len(parity) < minEncoderRows {
		encode(l, block, frame, 0, parity)
		return
	}
	if len(e.zeros) < l.stride {
		e.zeros = make([]byte, l.stride)
	}
	e.shards = e.shards[:0]
	for c := range l.data {
		shard := e.zeros[:l.stride]
		if start, end := l.span(c*l.blocks + block); end-start == l.stride {
			shard = frame[start:end]
		}
		e.shards = append(e.shards, shard)
	}
	e.shards = append(e.shards, parity...)
	// There is an encoder for every layout, and its shards are right, so this cannot fail.
	if err := e.get(encoderSize{l.data, len(parity)}).Encode(e.shards); err != nil {
		panic(err)
	}
	clear(e.shards)

	// The frame's last segment, if it is shorter, was taken for zeros.
	last := l.segments() - 1
	if start, end := l.span(last); last%l.blocks == block && end-start < l.stride {
		for j, shard := range parity {
			field.GalMulSliceXor(rowFactor(l.data, j, last/l.blocks), frame[start:end], shard)
		}
	}
}

// get returns an encoder for blocks of that size.
func (e *encoders) get(size encoderSize) reedsolomon.Encoder {
	if encoder, ok := e.made[size]; ok {
		return encoder
	}
	rows := make([][]byte, size.parity)
	for j := range rows {
		rows[j] = make([]byte, size.data)
		for c := range rows[j] {
			rows[j][c] = rowFactor(size.data, j, c)
		}
	}
	encoder, err := reedsolomon.New(size.data, size.parity,
		reedsolomon.WithCustomMatrix(rows),
		reedsolomon.WithMaxGoroutines(1), // a block is done before another goroutine is awake
		reedsolomon.WithInversionCache(false))
	if err != nil {
		panic(err)
	}
	if e.made == nil || len(e.made) == maxEncoders {
		e.made = map[encoderSize]reedsolomon.Encoder{}
	}
	e.made[size] = encoder
	return encoder
}
