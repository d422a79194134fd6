package protocol

import "github.com/klauspost/reedsolomon"

// The repair code is a systematic Reed-Solomon code over GF(2⁸). The k data segments of a block are sent as they are. Any k
// segments of the block, data or parity, give all others. In the code, a segment is a shard: one stride of bytes, padded
// with zeros. For each byte of the shards,
//
//	parity shard j = Σ data shard c / ((k + j) xor c)        over c from 0 to k - 1
//
// The factors 1 / ((k + j) xor c) are a Cauchy matrix with row j and column c. Rows do not depend on each other, so any one
// can be computed at any time. The last row is the one with k + j = 255.

// maxShards is the most shards in a block, data and parity together: one for each element of GF(2⁸).
const maxShards = 256

// field multiplies whole shards, with the processor's vector instructions where there are any.
var field reedsolomon.LowLevel

// A shard is a segment that has come.
type shard struct {
	number  int // of a data segment in the frame; or of a parity segment in its block, which is its row j
	payload []byte
}

// encode computes rows of parity of one block of a frame: row first + i into parity[i], which is a stride long. All these
// rows must exist. Padding can be left out: zeros add nothing to the sums.
func encode(l layout, block int, frame []byte, first int, parity [][]byte) {
	for _, shard := range parity {
		clear(shard)
	}
	for c := range l.blockSegments(block) {
		start, end := l.span(c*l.blocks + block)
		for j, shard := range parity {
			field.GalMulSliceXor(rowFactor(l.data, first+j, c), frame[start:end], shard)
		}
	}
}

// rowFactor is the factor of data shard c in parity shard j.
func rowFactor(k, j, c int) byte { return reedsolomon.Inv(byte((k + j) ^ c)) }

// repair computes the missing data segments of one block. It returns false if there is too little parity. The frame must
// have room for whole strides, up to its last segment. have says which of its segments are there. No row may be in parity
// twice.
//
// If e data shards are missing, they are computed from the other data shards and e parity shards. Number the shards of the
// block: data shard c has number c, and parity shard j has number k + j. M is the set of the numbers of the missing shards,
// and Z that of the e parity shards. Missing shard x is the sum over all other data shards and the e parity shards. In this
// sum the factor of shard y is
//
//	a(x) × b(y) / (x xor y)
//	a(x) = Π (x xor z) over all z in Z, divided by Π (x xor m) over all m in M but x
//	b(y) = Π (y xor m) over all m in M, divided by Π (y xor z) over all z in Z but y
//
// This is Lagrange's interpolation. It gives the same result as solving the equations of the parity shards, but needs no
// elimination. Data shards that are all zeros add nothing to a sum.
func repair(l layout, block int, frame []byte, have bitset, parity []shard) bool {
	missing, used := make([]int, 0, maxShards), make([]int, 0, maxShards) // M and Z
	for c := range l.blockSegments(block) {
		if !have.has(c*l.blocks + block) {
			missing = append(missing, c)
		}
	}
	if len(parity) < len(missing) {
		return false
	}
	parity = parity[:len(missing)]
	for _, p := range parity {
		used = append(used, l.data+p.number)
	}

	var a [maxShards]int // logarithms of a(x)
	for _, x := range missing {
		a[x] = galoisRatio(x, used, missing)
		start := (x*l.blocks + block) * l.stride
		clear(frame[start : start+l.stride])
	}
	add := func(y int, shard []byte) {
		b := galoisRatio(y, missing, used) // the logarithm of b(y)
		for _, x := range missing {
			factor := galoisExp[a[x]+b+255-galoisLog[x^y]]
			start := (x*l.blocks + block) * l.stride
			field.GalMulSliceXor(factor, shard, frame[start:start+l.stride])
		}
	}
	for c := range l.blockSegments(block) {
		if i := c*l.blocks + block; have.has(i) {
			start, end := l.span(i)
			add(c, frame[start:end])
		}
	}
	for i, p := range parity {
		add(used[i], p.payload)
	}
	return true
}

// galoisRatio returns the logarithm of a quotient: the product of (n xor m) over all m in over, divided by the same product
// over all m in under. Both products leave out m = n.
func galoisRatio(n int, over, under []int) int {
	log := 0
	for _, m := range over {
		log += galoisLog[n^m]
	}
	for _, m := range under {
		log += 255 - galoisLog[n^m]
	}
	return log % 255
}
