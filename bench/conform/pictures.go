package conform

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
)

// small is a picture of 16 × 16 pixels.
var small = func() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16)), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}()

// least is the fewest bytes that a picture can have.
var least = len(small) + 4 + 16

// picture makes a JPEG of that many bytes. It differs for each number. It has FF D9 only at its end, so that a receiver's
// output is easily cut. Comments, which decoders leave out, give it its size.
func picture(number, size int) []byte {
	random := rand.New(rand.NewPCG(uint64(number), 1))
	b := append([]byte(nil), small[:2]...)
	for left := size - len(small); left > 0; {
		n := min(left, 60_000)
		if left-n > 0 && left-n < 24 { // the last comment has room for its header
			n -= 24
		}
		text := fmt.Appendf(nil, "picture %07d ", number)
		for len(text) < n-4 {
			text = append(text, byte(random.UintN(0x7f)))
		}
		b = append(b, 0xff, 0xfe, byte((n-2)>>8), byte(n-2))
		b = append(b, text[:n-4]...)
		left -= n
	}
	return append(b, small[2:]...)
}
