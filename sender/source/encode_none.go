//go:build !gocv

package source

import "image"

// fastEncode takes no picture: there is no faster encoder than image/jpeg in this build.
func fastEncode(image.Image, int) (jpeg []byte, ok bool, err error) { return nil, false, nil }
