package raw

import "image"

// Turn returns a picture of a Decoder turned clockwise by 0, 90, 180 or 270 degrees, and then mirrored: flip is "h" to
// exchange left and right, "v" to exchange top and bottom, or "". It uses the memory of into if that has the right size.
func Turn(img image.Image, degrees int, flip string, into image.Image) image.Image {
	switch img := img.(type) {
	case *image.Gray:
		size := turnedSize(img.Rect.Size(), degrees)
		to, ok := into.(*image.Gray)
		if !ok || to.Rect.Size() != size {
			to = image.NewGray(image.Rectangle{Max: size})
		}
		turnPlane(to.Pix, to.Stride, img.Pix, img.Stride, img.Rect.Size(), degrees, flip)
		return to
	case *image.YCbCr:
		size := turnedSize(img.Rect.Size(), degrees)
		ratio := img.SubsampleRatio
		switch {
		case degrees%180 == 0:
		case ratio == half:
			ratio = image.YCbCrSubsampleRatio440
		case ratio == image.YCbCrSubsampleRatio440:
			ratio = half
		}
		to, ok := into.(*image.YCbCr)
		if !ok || to.Rect.Size() != size || to.SubsampleRatio != ratio {
			to = image.NewYCbCr(image.Rectangle{Max: size}, ratio)
		}
		turnPlane(to.Y, to.YStride, img.Y, img.YStride, img.Rect.Size(), degrees, flip)
		chroma := image.Pt(img.CStride, len(img.Cb)/img.CStride)
		turnPlane(to.Cb, to.CStride, img.Cb, img.CStride, chroma, degrees, flip)
		turnPlane(to.Cr, to.CStride, img.Cr, img.CStride, chroma, degrees, flip)
		return to
	}
	return img
}

func turnedSize(size image.Point, degrees int) image.Point {
	if degrees%180 == 0 {
		return size
	}
	return image.Pt(size.Y, size.X)
}

// turnPlane turns a plane of this size. It writes along rows and reads along columns. For a plane that fits the processor's
// cache, no other way is faster.
func turnPlane(to []uint8, toStride int, from []uint8, stride int, size image.Point, degrees int, flip string) {
	start, right, down := 0, 1, stride // where the first sample is, and how far it is to the ones beside and below
	switch degrees {
	case 90:
		start, right, down = (size.Y-1)*stride, -stride, 1
	case 180:
		start, right, down = (size.Y-1)*stride+size.X-1, -1, -stride
	case 270:
		start, right, down = size.X-1, stride, -1
	}
	turned := turnedSize(size, degrees)
	switch flip {
	case "h":
		start, right = start+right*(turned.X-1), -right
	case "v":
		start, down = start+down*(turned.Y-1), -down
	}
	for y := range turned.Y {
		at := start + y*down
		row := to[y*toStride:][:turned.X]
		for x := range row {
			row[x] = from[at]
			at += right
		}
	}
}
