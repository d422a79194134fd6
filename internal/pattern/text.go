package pattern

import (
	"image"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Measures of Go Mono, in parts of its size: how far one character is from the next, and how high a digit is.
const (
	advance     = 0.601
	digitHeight = 0.73
)

// A typeface holds characters of one size, rendered once. Text changes the luma of a picture only: it is white or grey.
type typeface struct {
	glyphs  map[byte]*image.Alpha // Bounds relative to the left end of the character's baseline.
	advance int                   // From one character to the next, in pixels.
}

// newTypeface renders the characters of a set, which are ASCII.
func newTypeface(bold bool, size float64, set string) typeface {
	data := gomono.TTF
	if bold {
		data = gomonobold.TTF
	}
	var face font.Face
	parsed, err := opentype.Parse(data)
	if err == nil {
		face, err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72})
	}
	if err != nil { // the fonts are part of the program
		panic(err)
	}
	defer face.Close()
	t := typeface{glyphs: make(map[byte]*image.Alpha), advance: font.MeasureString(face, "0").Round()}
	for _, c := range []byte(set) {
		// The face's mask is its own and is overwritten by the next character's.
		if bounds, mask, at, _, ok := face.Glyph(fixed.Point26_6{}, rune(c)); ok {
			glyph := image.NewAlpha(bounds)
			draw.Draw(glyph, bounds, mask, at, draw.Src)
			t.glyphs[c] = glyph
		}
	}
	return t
}

// print writes text from the left end of its baseline on. What lies outside of the picture is left out.
func (t typeface) print(img *image.YCbCr, at image.Point, luma uint8, text []byte) {
	for i, c := range text {
		glyph := t.glyphs[c]
		if glyph == nil {
			continue
		}
		offset := at.Add(image.Pt(i*t.advance, 0))
		r := glyph.Rect.Add(offset).Intersect(img.Rect)
		for y := r.Min.Y; y < r.Max.Y; y++ {
			line := img.Y[img.YOffset(r.Min.X, y):][:r.Dx()]
			alpha := glyph.Pix[glyph.PixOffset(r.Min.X-offset.X, y-offset.Y):][:r.Dx()]
			for x, a := range alpha {
				if a != 0 {
					blend(&line[x], luma, a)
				}
			}
		}
	}
}
