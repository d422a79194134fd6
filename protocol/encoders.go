package protocol

import "github.com/klauspost/reedsolomon"

// minEncoderRows is the least number of parity rows for which an encoder of the library is used. Measured at k = 56: with
// four rows it is no faster than encode, with eight it takes three quarters of the time.
const minEncoderRows = 8

// An encoders computes the parity that follows a frame's data. It does what [encode] does, but is faster for much parity: an
// encoder of the library works on several shards at once, and makes 17 rows in two thirds of the time. Such an encoder is
// for one k and one p, and takes more time to make than it saves for one frame. So encoders are kept. The zero value is
// ready. It is for one goroutine at a time.
type encoders struct {
	made   map[encoderSize]reedsolomon.Encoder
	shards [][]byte
	zeros  []byte // a shard of zeros, never written to
}

type encoderSize struct{ data, parity int }

// encode computes the first rows of parity of one block of a frame: row i into parity[i].
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
	// This cannot fail: the number and the sizes of the shards are right.
	if err := e.get(encoderSize{l.data, len(parity)}).Encode(e.shards); err != nil {
		panic(err)
	}
	clear(e.shards)

	// Zeros stood for the frame's last segment if that is shorter than a stride. Now add the segment itself.
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
		reedsolomon.WithMaxGoroutines(1), // a block takes less time than waking a goroutine
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
