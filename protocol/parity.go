package protocol

import "github.com/klauspost/reedsolomon"

// Parity is a systematic Reed-Solomon code over GF(2⁸): the data segments of a block are sent as they are, and any k
// segments of the block, data or parity, give the others. A segment takes part as a shard of one stride, padded with
// zeros. With k data shards, byte by byte,
//
//	parity shard j = Σ data shard c / ((k + j) xor c)        over c from 0 to k - 1
//
// The factors are a Cauchy matrix, of which j is the row and c the column. Rows do not depend on each other, so any
// one can be computed at any time, up to the last for which k + j is a byte.

// maxShards is how many shards a block may have, data and parity: one for each element of GF(2⁸).
const maxShards = 256

// field multiplies whole shards, with the processor's vector instructions where there are any.
var field reedsolomon.LowLevel

// A parityShard is a parity segment of a block that has come.
type parityShard struct {
	row     int // j
	payload []byte
}

// encode computes rows of parity of one block of a frame, from row first on: one into each of parity, which are a stride
// long. There must be so many rows. The zeros that shards are padded with add nothing.
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

// rowFactor is what data shard c counts for in parity shard j.
func rowFactor(k, j, c int) byte { return reedsolomon.Inv(byte((k + j) ^ c)) }

// repair computes the missing data segments of one block, and reports whether there was enough parity for it. The frame
// has room for whole strides up to its last segment; have tells which of its segments are there. No row is in parity
// twice.
//
// If e data shards are missing, they are computed from the other data shards and e parity shards. Number the shards of
// the block: data shard c has the number c, parity shard j the number k + j. Let M be the numbers of the missing shards,
// and Z those of the e parity shards. The missing shard x is the sum of those k others, each shard y of them times
//
//	a(x) × b(y) / (x xor y)
//	a(x) = Π (x xor z) over all z in Z, divided by Π (x xor m) over all m in M but x
//	b(y) = Π (y xor m) over all m in M, divided by Π (y xor z) over all z in Z but y
//
// This is Lagrange's interpolation. It gives what solving the equations of the parity shards would give, without an
// elimination. Data shards that are all zeros add nothing to a sum.
func repair(l layout, block int, frame []byte, have bitset, parity []parityShard) bool {
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
		used = append(used, l.data+p.row)
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
// over all m in under. It leaves out m = n.
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
