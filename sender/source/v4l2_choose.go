package source

import (
	"cmp"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"

	"udpcam/internal/raw"
	"udpcam/internal/v4l2"
)

// defaultSize is the size of the test pattern and the one that a camera is asked for, unless another is given.
var defaultSize = image.Pt(1280, 720)

func isJPEG(code string) bool { return code == "MJPG" || code == "JPEG" }

// aliases are other names of formats, besides their four characters.
var aliases = map[string][]string{
	"MJPEG":   {"MJPG", "JPEG"},
	"YUY2":    {"YUYV"},
	"I420":    {"YU12"},
	"YUV420":  {"YU12", "NV12"},
	"YUV420P": {"YU12"},
	"YUYV422": {"YUYV"},
	"RGB24":   {"RGB3"},
	"BGR24":   {"BGR3"},
	"RGB565":  {"RGBP"},
	"GRAY":    {"GREY"},
}

// allCodes are the formats that can be sent.
func allCodes() []string { return append([]string{"MJPG", "JPEG"}, raw.Codes()...) }

func usable(code string) bool { return slices.Contains(allCodes(), code) }

// codes returns the formats that Options.Format means.
func codes(format string) ([]string, error) {
	name := strings.ToUpper(strings.TrimSpace(format))
	meant, isAlias := aliases[name]
	switch {
	case name == "":
		return allCodes(), nil
	case name == "RAW":
		return raw.Codes(), nil
	case isAlias:
		return meant, nil
	case usable(name):
		return []string{name}, nil
	}
	return nil, fmt.Errorf("%w: format %s: udpcam can do mjpeg, raw (any that is not compressed), %s", ErrOption, format,
		strings.ToLower(strings.Join(raw.Codes(), " ")))
}

// choose returns the mode of a camera that is nearest to what the options ask for.
//
// The distance is a sum of logarithms of ratios: of width, of height, and of the frame rate if it is too low. What the user
// asked for weighs far more than a default. Among modes of equal distance the camera's own JPEGs win, because they need no
// encoding, then the format that is cheapest to encode.
func choose(formats []v4l2.Format, o Options) (best v4l2.Mode, err error) {
	allowed, err := codes(o.Format)
	if err != nil {
		return best, err
	}
	size, sizeWeight := o.Size, 100.0
	if size == (image.Point{}) {
		size, sizeWeight = defaultSize, 1
	}
	fps, fpsWeight := o.FPS, 10.0
	if fps == 0 {
		fps, fpsWeight = defaultFPS, 1
	}
	far := func(a, b float64) float64 { return math.Abs(math.Log(a / b)) }
	least := math.Inf(1)
	for _, f := range formats {
		code := f.Code.String()
		if !slices.Contains(allowed, code) || o.Text != "" && isJPEG(code) {
			continue
		}
		sizes := f.Sizes
		if len(sizes) == 0 { // the camera lists no sizes: ask for the wanted one
			sizes = []v4l2.Size{{Min: size, Max: size}}
		}
		for _, s := range sizes {
			mode := v4l2.Mode{Code: f.Code, Size: s.Nearest(size), FPS: nearestRate(s, fps)}
			cost := formatCost(code)
			cost += sizeWeight * (far(float64(mode.Size.X), float64(size.X)) + far(float64(mode.Size.Y), float64(size.Y)))
			if mode.FPS < fps {
				cost += fpsWeight * far(mode.FPS, fps)
			} else {
				cost += far(mode.FPS, fps) / 100
			}
			if cost < least {
				best, least = mode, cost
			}
		}
	}
	if math.IsInf(least, 1) {
		return best, noMode(formats, o)
	}
	return best, nil
}

// formatCost is how much worse than a JPEG a format is.
func formatCost(code string) float64 {
	switch {
	case isJPEG(code):
		return 0
	case raw.IsGrey(code):
		return 0.5
	}
	return 0.05 + float64(raw.Rank(code))/1000
}

// nearestRate is the lowest rate of a size that is not below fps. If all are below, it is the highest.
func nearestRate(s v4l2.Size, fps float64) float64 {
	if len(s.Rates) == 0 {
		return fps
	}
	if s.AnyRate {
		return min(max(fps, s.Rates[len(s.Rates)-1]), s.Rates[0])
	}
	best := s.Rates[0] // the highest
	for _, r := range s.Rates {
		if r >= fps*0.999 {
			best = r
		}
	}
	return best
}

func noMode(formats []v4l2.Format, o Options) error {
	var names []string
	for _, f := range formats {
		names = append(names, f.Code.String())
	}
	has := "it has " + cmp.Or(strings.Join(names, " "), "none")
	switch {
	case o.Text != "":
		return fmt.Errorf("%w: text can be written into pictures that are encoded here, and the camera has no raw format "+
			"for that; %s", ErrOption, has)
	case o.Format != "":
		return fmt.Errorf("%w: the camera has no format %s; %s", ErrOption, o.Format, has)
	}
	return fmt.Errorf("the camera has no format that can be sent as JPEG; %s", has)
}
