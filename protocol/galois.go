package protocol

// Arithmetic in GF(2⁸), the field of the repair code. An element is a byte. Addition and subtraction are both xor.
// Multiplication is modulo the polynomial x⁸ + x⁴ + x³ + x² + 1. Every element but 0 is a power of 2. So the logarithm of a
// product is the sum of the logarithms, modulo 255.

// galoisLog has the logarithm of each element to the base 2, from 0 to 254. There is none of 0: its place has a 0, which
// adds nothing to a sum of logarithms.
var galoisLog [256]int

// galoisExp has the powers of 2, three times over. So a + b + 255 - c, where a, b and c are logarithms, is an index, without
// a division.
var galoisExp [3 * 255]byte

func init() {
	x := 1
	for i := range 255 {
		galoisLog[x] = i
		galoisExp[i], galoisExp[i+255], galoisExp[i+510] = byte(x), byte(x), byte(x)
		if x *= 2; x > 255 {
			x ^= 0x11D // the polynomial, a bit for each power of x
		}
	}
}
