package v4l2

import (
	"cmp"
	"fmt"
	"image"
	"slices"

	"golang.org/x/sys/unix"
)

// Formats returns what the device can do, without formats whose pictures are in several pieces of memory.
func (d *Device) Formats() (formats []Format, err error) {
	for i := uint32(0); i < maxFormats; i++ {
		f := kernelFormatDescription{index: i, kind: d.kind}
		if err := ioctl(d.fd, enumFormats, &f); err == unix.EINVAL {
			break
		} else if err != nil {
			return nil, meaning("list formats of", d.info.Path, err)
		}
		if code := FourCC(f.code); d.isWhole(code) {
			formats = append(formats, Format{Code: code, Description: text(f.description[:]), Sizes: d.sizes(code)})
		}
	}
	return formats, nil
}

// What a driver can list is bounded, in case its list never ends.
const (
	maxFormats  = 256
	maxSizes    = 256
	maxRates    = 64
	maxControls = 1024
	maxMenu     = 1024
)

// sizes are those of a format. There are none if the device does not tell.
func (d *Device) sizes(code FourCC) (sizes []Size) {
	for i := uint32(0); i < maxSizes; i++ {
		k := kernelFrameSize{index: i, code: uint32(code)}
		if ioctl(d.fd, enumFrameSizes, &k) != nil {
			break
		}
		s := Size{Min: point(k.minX, k.minY), Max: point(k.maxX, k.maxY), Step: point(k.stepX, k.stepY)}
		if k.kind == oneSize {
			s.Min, s.Step = point(k.minX, k.maxX), image.Point{}
			s.Max = s.Min
		}
		if s.Min.X <= 0 || s.Min.Y <= 0 || s.Max.X < s.Min.X || s.Max.Y < s.Min.Y {
			continue
		}
		s.Rates, s.AnyRate = d.rates(code, s.Max)
		if !slices.ContainsFunc(sizes, func(other Size) bool { return other.Min == s.Min && other.Max == s.Max }) {
			sizes = append(sizes, s)
		}
		if k.kind != oneSize {
			break
		}
	}
	return sizes
}

func point(x, y uint32) image.Point { return image.Pt(int(x), int(y)) }

// rates are those of one size, in frames a second, or the bounds of a range of rates.
func (d *Device) rates(code FourCC, size image.Point) (rates []float64, anyBetween bool) {
	for i := uint32(0); i < maxRates; i++ {
		k := kernelFrameInterval{index: i, code: uint32(code), width: uint32(size.X), height: uint32(size.Y)}
		if ioctl(d.fd, enumIntervals, &k) != nil {
			break
		}
		rates = append(rates, k.min.rate())
		if k.kind != oneInterval {
			rates, anyBetween = append(rates, k.max.rate()), true
			break
		}
	}
	rates = slices.DeleteFunc(rates, func(r float64) bool { return r == 0 })
	slices.SortFunc(rates, func(a, b float64) int { return cmp.Compare(b, a) })
	return slices.Compact(rates), anyBetween
}

// rate is how many frames a second an interval in seconds makes, or 0 if the interval is wrong.
func (f fraction) rate() float64 {
	if f.numerator == 0 || f.denominator == 0 {
		return 0
	}
	return float64(f.denominator) / float64(f.numerator)
}

// Configure sets the format, size and rate of pictures. It returns those that the device has chosen: the nearest that it
// can do. The zero values of size and rate leave them as they are.
func (d *Device) Configure(want Mode) (Mode, error) {
	var f kernelFormat
	if _, err := d.format(getFormat, &f); err != nil {
		return Mode{}, meaning("configure", d.info.Path, err)
	}
	f.pix.code, f.pix.field, f.pix.stride, f.pix.size = uint32(want.Code), fieldAny, 0, 0
	if want.Size != (image.Point{}) {
		f.pix.width, f.pix.height = uint32(want.Size.X), uint32(want.Size.Y)
	}
	planes, err := d.format(setFormat, &f)
	if err != nil {
		return Mode{}, meaning("configure", d.info.Path, err)
	}
	if planes != 1 {
		return Mode{}, fmt.Errorf("%s: its pictures of format %v are in %d pieces of memory, which cannot be read: "+
			"choose another format", d.info.Path, FourCC(f.pix.code), planes)
	}
	got := Mode{Code: FourCC(f.pix.code), Size: point(f.pix.width, f.pix.height), Stride: int(f.pix.stride)}
	got.FullRange = f.pix.quantization == rangeFull || f.pix.quantization != rangeLimited && f.pix.colorspace == colorJPEG
	got.FPS = d.setRate(want.FPS)
	return got, nil
}

// setRate asks for a rate, unless it is 0, and returns the rate that the device uses.
func (d *Device) setRate(fps float64) float64 {
	p := kernelStreamParameters{kind: d.kind}
	if ioctl(d.fd, getParameters, &p) != nil {
		return 0
	}
	if fps != 0 && p.capability&canSetInterval != 0 {
		p.interval = fraction{1000, uint32(fps*1000 + 0.5)}
		if ioctl(d.fd, setParameters, &p) != nil {
			return 0
		}
	}
	return p.interval.rate()
}
