package raw

import (
	"image"
	"slices"
)

// A format is one way in which samples lie in memory.
type format struct {
	code   string
	layout layout
	ratio  image.YCbCrSubsampleRatio
	at     [3]int // where luma, Cb and Cr are, or red, green and blue
	bytes  int    // of a pixel in the first plane; 0 means 1, and packed has other units
	bits   int    // of a grey sample
}

type layout int

const (
	packed     layout = iota // two pixels in four bytes; at counts bytes
	semiplanar               // luma, then Cb and Cr by turns; at counts bytes of such a pair
	planar                   // luma, then a plane of each; at counts these planes
	rgb                      // at counts bytes of a pixel
	rgb565                   // 16 bits in a pixel
	grey                     // one byte in a pixel, or two, of which the lowest bits count
)

const (
	full    = image.YCbCrSubsampleRatio444
	half    = image.YCbCrSubsampleRatio422
	quarter = image.YCbCrSubsampleRatio420
)

// formats are all known formats, sorted by the cost of encoding, cheapest first.
var formats = []format{
	{code: "NV12", layout: semiplanar, ratio: quarter, at: [3]int{0, 0, 1}},
	{code: "YU12", layout: planar, ratio: quarter, at: [3]int{0, 0, 1}},
	{code: "NV21", layout: semiplanar, ratio: quarter, at: [3]int{0, 1, 0}},
	{code: "YV12", layout: planar, ratio: quarter, at: [3]int{0, 1, 0}},
	{code: "YUYV", layout: packed, ratio: half, at: [3]int{0, 1, 3}},
	{code: "UYVY", layout: packed, ratio: half, at: [3]int{1, 0, 2}},
	{code: "YVYU", layout: packed, ratio: half, at: [3]int{0, 3, 1}},
	{code: "VYUY", layout: packed, ratio: half, at: [3]int{1, 2, 0}},
	{code: "NV16", layout: semiplanar, ratio: half, at: [3]int{0, 0, 1}},
	{code: "NV61", layout: semiplanar, ratio: half, at: [3]int{0, 1, 0}},
	{code: "422P", layout: planar, ratio: half, at: [3]int{0, 0, 1}},
	{code: "NV24", layout: semiplanar, ratio: full, at: [3]int{0, 0, 1}},
	{code: "NV42", layout: semiplanar, ratio: full, at: [3]int{0, 1, 0}},
	{code: "RGB3", layout: rgb, ratio: full, at: [3]int{0, 1, 2}, bytes: 3},
	{code: "BGR3", layout: rgb, ratio: full, at: [3]int{2, 1, 0}, bytes: 3},
	{code: "XB24", layout: rgb, ratio: full, at: [3]int{0, 1, 2}, bytes: 4},
	{code: "AB24", layout: rgb, ratio: full, at: [3]int{0, 1, 2}, bytes: 4},
	{code: "XR24", layout: rgb, ratio: full, at: [3]int{2, 1, 0}, bytes: 4},
	{code: "AR24", layout: rgb, ratio: full, at: [3]int{2, 1, 0}, bytes: 4},
	{code: "BGR4", layout: rgb, ratio: full, at: [3]int{2, 1, 0}, bytes: 4},
	{code: "BX24", layout: rgb, ratio: full, at: [3]int{1, 2, 3}, bytes: 4},
	{code: "BA24", layout: rgb, ratio: full, at: [3]int{1, 2, 3}, bytes: 4},
	{code: "RGB4", layout: rgb, ratio: full, at: [3]int{1, 2, 3}, bytes: 4},
	{code: "RX24", layout: rgb, ratio: full, at: [3]int{3, 2, 1}, bytes: 4},
	{code: "RA24", layout: rgb, ratio: full, at: [3]int{3, 2, 1}, bytes: 4},
	{code: "RGBP", layout: rgb565, ratio: full, bytes: 2},
	{code: "GREY", layout: grey, bits: 8},
	{code: "Y10", layout: grey, bytes: 2, bits: 10},
	{code: "Y12", layout: grey, bytes: 2, bits: 12},
	{code: "Y16", layout: grey, bytes: 2, bits: 16},
}

// Rank is a format's place among those that can be decoded, cheapest first and grey last. It is -1 for other formats.
func Rank(code string) int {
	return slices.IndexFunc(formats, func(f format) bool { return f.code == code })
}

// Codes lists the formats that can be decoded, from the one that costs least on.
func Codes() (codes []string) {
	for _, f := range formats {
		codes = append(codes, f.code)
	}
	return codes
}

// IsGrey reports whether a format has no colour.
func IsGrey(code string) bool {
	rank := Rank(code)
	return rank >= 0 && formats[rank].layout == grey
}
