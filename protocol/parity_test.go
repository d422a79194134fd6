package protocol

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// slowMultiply is the product of two elements of GF(2⁸), multiplied as polynomials by hand.
func slowMultiply(a, b byte) byte {
	product := 0
	for i := range 8 {
		if b>>i&1 == 1 {
			product ^= int(a) << i
		}
	}
	for i := 15; i >= 8; i-- {
		if product>>i&1 == 1 {
			product ^= 0x11D << (i - 8)
		}
	}
	return byte(product)
}

// slowProducts has all products. slowInverses has all inverses, found by trying.
var slowProducts, slowInverses = func() (products [256][256]byte, inverses [256]byte) {
	for a := range 256 {
		for b := range 256 {
			products[a][b] = slowMultiply(byte(a), byte(b))
			if products[a][b] == 1 {
				inverses[a] = byte(b)
			}
		}
	}
	return products, inverses
}()

// slowRow is row j of the code of k data shards, by its definition.
func slowRow(k, j int) []byte {
	row := make([]byte, k)
	for c := range row {
		row[c] = slowInverses[(k+j)^c]
	}
	return row
}

// slowParity computes a parity shard by the definition of the code.
func slowParity(data [][]byte, j int) []byte {
	parity := make([]byte, len(data[0]))
	for c, factor := range slowRow(len(data), j) {
		for i, v := range data[c] {
			parity[i] ^= slowProducts[factor][v]
		}
	}
	return parity
}

// slowRepair computes the data shards from k shards of any kind, each given with its row of the whole matrix, by Gauss's
// elimination.
func slowRepair(rows, shards [][]byte) [][]byte {
	add := func(to, from []byte, factor byte) {
		for i, v := range from {
			to[i] ^= slowProducts[factor][v]
		}
	}
	for c := range rows {
		pivot := c
		for rows[pivot][c] == 0 {
			pivot++
		}
		rows[c], rows[pivot], shards[c], shards[pivot] = rows[pivot], rows[c], shards[pivot], shards[c]
		scale := slowInverses[rows[c][c]]
		for _, v := range [][]byte{rows[c], shards[c]} {
			for i := range v {
				v[i] = slowProducts[scale][v[i]]
			}
		}
		for r := range rows {
			if factor := rows[r][c]; r != c && factor != 0 {
				add(rows[r], rows[c], factor)
				add(shards[r], shards[c], factor)
			}
		}
	}
	return shards
}

func TestGalois(t *testing.T) {
	for a := 1; a < 256; a++ {
		for b := 1; b < 256; b++ {
			if got := galoisExp[galoisLog[a]+galoisLog[b]]; got != slowProducts[a][b] {
				t.Fatalf("%d × %d = %d, want %d", a, b, got, slowProducts[a][b])
			}
			if got := galoisExp[galoisLog[a]+255-galoisLog[b]]; slowProducts[got][b] != byte(a) {
				t.Fatalf("%d / %d = %d", a, b, got)
			}
		}
	}
}

// A codedFrame is a frame with parity, for tests.
type codedFrame struct {
	layout
	bytes []byte // whole strides
}

// newCodedFrame makes a frame of one or more blocks of k data segments of 64 bytes. The last segment is shorter.
func newCodedFrame(blocks, k, lacks int) codedFrame {
	l := layoutOf(blocks*k*Unit-lacks, blocks, k)
	b := make([]byte, l.segments()*l.stride)
	copy(b, picture(max(l.length, 5), uint64(k))[:l.length])
	return codedFrame{l, b}
}

// shards are the data shards of a block, those that are all zeros too.
func (f codedFrame) shards(block int) (shards [][]byte) {
	for c := range f.data {
		shard := make([]byte, f.stride)
		if at := (c*f.blocks + block) * f.stride; at < len(f.bytes) {
			copy(shard, f.bytes[at:])
		}
		shards = append(shards, shard)
	}
	return shards
}

// parity computes rows of a block.
func (f codedFrame) parity(block int, rows ...int) (parity []shard) {
	for _, row := range rows {
		b := picture(f.stride, 99) // what was in the memory before
		encode(f.layout, block, f.bytes[:f.length], row, [][]byte{b})
		parity = append(parity, shard{row, b})
	}
	return parity
}

// without is the frame without some data segments of a block, and the set of those that are left.
func (f codedFrame) without(block int, columns []int) (codedFrame, bitset) {
	f.bytes = bytes.Clone(f.bytes)
	have := bitset{}.cleared(f.segments())
	for i := range f.segments() {
		if i%f.blocks != block || !slices.Contains(columns, i/f.blocks) {
			have.set(i)
		} else {
			start, end := f.span(i)
			copy(f.bytes[start:end], picture(f.stride, 98)) // what was in the memory before
		}
	}
	return f, have
}

// TestEncodeIsTheDefinition compares all rows of blocks of all sizes with the definition of the code.
func TestEncodeIsTheDefinition(t *testing.T) {
	var e encoders
	for k := 1; k < maxShards; k++ {
		f := newCodedFrame(1, k, k%Unit)
		shards := f.shards(0)
		all := make([][]byte, f.rows())
		for row := range all {
			all[row] = make([]byte, f.stride)
		}
		encode(f.layout, 0, f.bytes[:f.length], 0, all)
		many := make([][]byte, f.rows())
		for row := range many {
			many[row] = picture(f.stride, 97) // what was in the memory before
		}
		e.encode(f.layout, 0, f.bytes[:f.length], many)
		step := 1 // all rows of some sizes, some rows of the others
		if k%16 > 1 {
			step = 7
		}
		for row := 0; row < f.rows(); row += step {
			want := slowParity(shards, row)
			if !bytes.Equal(many[row], want) {
				t.Fatalf("k = %d: row %d of an encoder is not as defined", k, row)
			}
			if !bytes.Equal(all[row], want) {
				t.Fatalf("k = %d: row %d of many is not as defined", k, row)
			}
			if one := f.parity(0, row)[0].payload; !bytes.Equal(one, want) {
				t.Fatalf("k = %d: row %d alone is not as defined", k, row)
			}
		}
	}
}

// TestEncoders computes parity of interleaved blocks, some with zeros at their ends. There are more sizes than kept
// encoders.
func TestEncoders(t *testing.T) {
	var e encoders
	for p := 1; p < 3*maxEncoders; p++ {
		for lacks := range 4 {
			f := newCodedFrame(3, 20, lacks*50)
			for block := range f.blocks {
				got := make([][]byte, p)
				for row := range got {
					got[row] = make([]byte, f.stride)
				}
				e.encode(f.layout, block, f.bytes[:f.length], got)
				for row, shard := range got {
					if !bytes.Equal(shard, slowParity(f.shards(block), row)) {
						t.Fatalf("block %d that lacks %d bytes: row %d of %d is not as defined", block, lacks*50, row, p)
					}
				}
			}
		}
		if len(e.made) > maxEncoders {
			t.Fatalf("%d encoders are kept", len(e.made))
		}
	}
}

// TestRepairIsTheSolution loses random segments of blocks of all sizes, and repairs them from random rows. It compares the
// result with the frame, and for some blocks also with the solution by elimination.
func TestRepairIsTheSolution(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for k := 1; k <= maxBlockData; k++ {
		f := newCodedFrame(1, k, k%Unit)
		for try := range 6 {
			lost := 1 + r.IntN(min(k, f.rows()))
			if try > 0 {
				lost = 1 + r.IntN(min(lost, 24))
			}
			columns, rows := r.Perm(k)[:lost], r.Perm(f.rows())[:lost]
			parity := f.parity(0, rows...)
			got, have := f.without(0, columns)
			if !repair(f.layout, 0, got.bytes, have, parity) || !bytes.Equal(got.bytes, f.bytes) {
				t.Fatalf("k = %d: segments %v from rows %v are not as they were", k, columns, rows)
			}
			if k%10 > 2 || try > 2 {
				continue
			}
			// Wrong parity too has one solution.
			r.Uint64()
			for _, p := range parity {
				p.payload[r.IntN(len(p.payload))] ^= 0x55
			}
			if slices.Contains(columns, k-1) {
				continue // the end of the last shard would not be zeros any more
			}
			want := f.solve(columns, parity)
			repair(f.layout, 0, got.bytes, have, parity)
			for c, shard := range want {
				if !bytes.Equal(shard, got.bytes[c*f.stride:(c+1)*f.stride]) {
					t.Fatalf("k = %d: segments %v from wrong rows %v: segment %d is not the solution", k, columns, rows, c)
				}
			}
		}
	}
}

// solve computes the data shards of a frame of one block from those that are not lost and from parity, by elimination.
func (f codedFrame) solve(lost []int, parity []shard) [][]byte {
	var rows, shards [][]byte
	for c, shard := range f.shards(0) {
		if !slices.Contains(lost, c) {
			unit := make([]byte, f.data)
			unit[c] = 1
			rows, shards = append(rows, unit), append(shards, shard)
		}
	}
	for _, p := range parity {
		rows, shards = append(rows, slowRow(f.data, p.number)), append(shards, bytes.Clone(p.payload))
	}
	return slowRepair(rows, shards)
}

// TestRepairSmallBlocks loses every set of segments of blocks of up to five, and repairs them from every set of the first
// six rows.
func TestRepairSmallBlocks(t *testing.T) {
	members := func(set int) (numbers []int) {
		for i := range 8 {
			if set>>i&1 == 1 {
				numbers = append(numbers, i)
			}
		}
		return numbers
	}
	for k := 1; k <= 5; k++ {
		for _, lacks := range []int{0, 1, 63} {
			f := newCodedFrame(1, k, lacks)
			for lost := range 1 << k {
				for rows := range 1 << 6 {
					columns, rows := members(lost), members(rows)
					got, have := f.without(0, columns)
					repaired := repair(f.layout, 0, got.bytes, have, f.parity(0, rows...))
					if want := len(rows) >= len(columns); repaired != want {
						t.Fatalf("k = %d: segments %v from rows %v: repaired %v, want %v", k, columns, rows, repaired, want)
					}
					if repaired && !bytes.Equal(got.bytes, f.bytes) {
						t.Fatalf("k = %d: segments %v from rows %v are not as they were", k, columns, rows)
					}
				}
			}
		}
	}
}

// TestRepairInterleaved loses segments of each of several blocks. Some blocks end in segments that are all zeros.
func TestRepairInterleaved(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, blocks := range []int{2, 3, 7} {
		for _, k := range []int{1, 2, 5, 56, 192} {
			for _, zeros := range []int{0, 1, blocks - 1, blocks} {
				f := newCodedFrame(blocks, k, min(zeros*Unit+5, blocks*k*Unit-1))
				if f.layout != layoutOf(f.length, blocks, k) {
					t.Fatal("another layout")
				}
				for block := range blocks {
					n := f.blockSegments(block)
					lost := min(n, 1+r.IntN(12), f.rows())
					columns, rows := r.Perm(n)[:lost], r.Perm(f.rows())[:lost]
					got, have := f.without(block, columns)
					if !repair(f.layout, block, got.bytes, have, f.parity(block, rows...)) || !bytes.Equal(got.bytes, f.bytes) {
						t.Fatalf("%d × %d: segments %v of block %d from rows %v are not as they were", blocks, k, columns, block, rows)
					}
				}
			}
		}
	}
}

// FuzzRepair repairs what the fuzzer loses, of a block and from rows that it chooses.
func FuzzRepair(f *testing.F) {
	f.Add(uint8(4), uint8(0), []byte{1}, []byte{0})
	f.Add(uint8(56), uint8(63), []byte{3, 9, 55}, []byte{0, 5, 199})
	f.Add(uint8(192), uint8(1), []byte{0, 1, 2, 3, 191}, []byte{63, 1, 62, 2, 9})
	f.Fuzz(func(t *testing.T, k, lacks uint8, lost, rows []byte) {
		if k == 0 {
			return
		}
		frame := newCodedFrame(1, int(k), int(lacks)%Unit)
		var columns, distinct []int
		for _, c := range lost {
			if c := int(c) % int(k); !slices.Contains(columns, c) {
				columns = append(columns, c)
			}
		}
		for _, row := range rows {
			if row := int(row) % frame.rows(); !slices.Contains(distinct, row) {
				distinct = append(distinct, row)
			}
		}
		got, have := frame.without(0, columns)
		repaired := repair(frame.layout, 0, got.bytes, have, frame.parity(0, distinct...))
		if repaired != (len(distinct) >= len(columns)) {
			t.Fatalf("%d segments repaired from %d rows: %v", len(columns), len(distinct), repaired)
		}
		if repaired && !bytes.Equal(got.bytes, frame.bytes) {
			t.Fatal("the frame has changed")
		}
	})
}

// BenchmarkParity has segments of 1408 bytes. It computes rows as for answers, and encodes parity as it follows the data.
func BenchmarkParity(b *testing.B) {
	var e encoders
	for _, c := range [][2]int{{56, 1}, {56, 4}, {56, 8}, {84, 17}, {192, 40}} {
		k, p := c[0], c[1]
		l := layoutOf(k*DefaultSegmentSize, 1, k)
		frame := picture(l.length, 1)
		parity := make([][]byte, p)
		for j := range parity {
			parity[j] = make([]byte, l.stride)
		}
		b.Run(fmt.Sprintf("rows %d+%d", k, p), func(b *testing.B) {
			b.SetBytes(int64(l.length))
			b.ReportAllocs()
			for b.Loop() {
				encode(l, 0, frame, 0, parity)
			}
		})
		b.Run(fmt.Sprintf("encode %d+%d", k, p), func(b *testing.B) {
			b.SetBytes(int64(l.length))
			b.ReportAllocs()
			for b.Loop() {
				e.encode(l, 0, frame, parity)
			}
		})
	}
	for _, c := range [][2]int{{1, 56}, {3, 56}, {8, 84}, {4, 180}, {20, 192}} {
		lost, k := c[0], c[1]
		l := layoutOf(k*DefaultSegmentSize, 1, k)
		frame := picture(l.length, 1)
		have := bitset{}.cleared(k)
		for i := range k {
			if i%(k/lost) != 1 || i/(k/lost) >= lost {
				have.set(i)
			}
		}
		var parity []shard
		for row := range lost {
			parity = append(parity, shard{row, picture(l.stride, 2)})
		}
		b.Run(fmt.Sprintf("repair %d of %d", lost, k), func(b *testing.B) {
			b.SetBytes(int64(l.length))
			b.ReportAllocs()
			for b.Loop() {
				repair(l, 0, frame, have, parity)
			}
		})
	}
}
