//go:build !gocv

package source

import "image"

// A fastEncoder takes no picture: there is no faster encoder than image/jpeg in this build.
type fastEncoder struct{}

func newFastEncoder() *fastEncoder { return nil }

func (*fastEncoder) encode(image.Image, int) (jpeg []byte, ok bool, err error) {
	return nil, false, nil
}
