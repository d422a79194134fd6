package source

import (
	"fmt"
	"image"
	"image/draw"
	"regexp"
	"strings"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// An overlay writes a line of text into the lower left corner of pictures of one size, white on dark.
type overlay struct {
	text string // Options.Text; without it, nothing is written

	face  font.Face
	shown string      // what mask shows
	mask  *image.Gray // the text, on its background
}

// conversions are the parts of the time as strftime(3) names them, and as package time does.
var conversions = map[string]string{
	"%Y": "2006", "%m": "01", "%d": "02", "%H": "15", "%M": "04", "%S": "05", "%F": "2006-01-02", "%T": "15:04:05",
	"%Z": "MST", "%z": "-0700", "%a": "Mon", "%b": "Jan", "%A": "Monday", "%B": "January",
	"%N": ".000", // milliseconds, without the point
	"%%": "%",
}

var conversion = regexp.MustCompile(`(?s)%.?`)

func expand(text string, at time.Time) (expanded string, err error) {
	expanded = conversion.ReplaceAllStringFunc(text, func(code string) string {
		layout, ok := conversions[code]
		if !ok {
			err = fmt.Errorf("%w: text %q: a %% is followed by one of F T Y m d H M S N a b A B Z z, as in \"%%F %%T\", "+
				"or by another %%", ErrOption, text)
		}
		return strings.TrimPrefix(at.Format(layout), ".")
	})
	if err != nil {
		return "", err
	}
	return expanded, nil
}

// draw writes the text into a picture that was taken then.
func (o *overlay) draw(img image.Image, at time.Time) {
	if o.text == "" {
		return
	}
	if text, _ := expand(o.text, at); o.mask == nil || text != o.shown { // Options.check has tried
		o.render(text, img.Bounds().Dy())
	}
	corner := image.Pt(img.Bounds().Min.X, img.Bounds().Max.Y-o.mask.Rect.Dy())
	where := o.mask.Rect.Add(corner).Intersect(img.Bounds())
	switch img := img.(type) {
	case *image.Gray:
		draw.Draw(img, where, o.mask, image.Point{}, draw.Src)
	case *image.YCbCr:
		for y := where.Min.Y; y < where.Max.Y; y++ {
			copy(img.Y[img.YOffset(where.Min.X, y):][:where.Dx()], o.mask.Pix[(y-corner.Y)*o.mask.Stride:])
			from, to := img.COffset(where.Min.X, y), img.COffset(where.Max.X-1, y)+1
			for i := from; i < to; i++ {
				img.Cb[i], img.Cr[i] = 128, 128
			}
		}
	}
}

// render draws the text by itself, in letters that are a twenty-fourth of a picture's height.
func (o *overlay) render(text string, height int) {
	if o.face == nil {
		parsed, err := opentype.Parse(gomono.TTF)
		if err == nil {
			o.face, err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: max(10, float64(height)/24), DPI: 72})
		}
		if err != nil { // the font is part of the program
			panic(err)
		}
	}
	o.shown = text
	metrics := o.face.Metrics()
	margin := metrics.Height.Ceil() / 4
	o.mask = image.NewGray(image.Rect(0, 0, font.MeasureString(o.face, text).Ceil()+2*margin, metrics.Height.Ceil()+margin))
	draw.Draw(o.mask, o.mask.Rect, image.Black, image.Point{}, draw.Src)
	d := font.Drawer{Dst: o.mask, Src: image.White, Face: o.face, Dot: fixed.P(margin, margin/2+metrics.Ascent.Ceil())}
	d.DrawString(text)
}
