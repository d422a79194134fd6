package protocol

// Arithmetic in GF(2⁸), the field of the repair code. An element is a byte. A sum is an xor, and so is a difference.
// A product is taken modulo the polynomial x⁸ + x⁴ + x³ + x² + 1. Every element but 0 is then a power of 2, so that a
// product is a sum of logarithms, modulo 255.

// galoisPolynomial has one bit for each power of x in the polynomial.
const galoisPolynomial = 0x11D

// galoisLog has the logarithm of each element to the base 2, from 0 to 254. 0 has none; its place says 0, so that where
// logarithms are added up it counts for nothing.
var galoisLog [256]int

// galoisExp has the powers of 2. It goes round three times, so that two logarithms can be added and one subtracted, plus
// 255, without a division.
var galoisExp [3 * 255]byte

func init() {
	x := 1
	for i := range 255 {
		galoisLog[x] = i
		galoisExp[i], galoisExp[i+255], galoisExp[i+510] = byte(x), byte(x), byte(x)
		if x *= 2; x > 255 {
			x ^= galoisPolynomial
		}
	}
}
