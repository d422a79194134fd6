package main

import (
	"context"
	"errors"
	"fmt"

	"udpcam/protocol"
	"udpcam/sender"
	"udpcam/sender/source"
)

// pump sends the frames of a source. It ends with the source, with ctx, or after limit frames if limit is not 0. After
// each frame it calls sent with the number of frames so far.
//
// A frame that is too large for the wire is skipped. If it is the first, that is an error: the others are not likely to fit
// either.
func pump(ctx context.Context, src source.Source, send func(protocol.Frame) (bool, error), limit uint64,
	skip func(reason string), sent func(f protocol.Frame, n uint64)) error {

	n := uint64(0)
	for f, err := range src.Frames(ctx) {
		if err != nil {
			return err
		}
		ok, err := send(f)
		switch {
		case errors.Is(err, protocol.ErrFrameSize) && n == 0:
			return fmt.Errorf("%w: choose a larger --segment, or smaller pictures", err)
		case errors.Is(err, protocol.ErrFrameSize):
			skip("too large for the wire")
		case errors.Is(err, sender.ErrNotJPEG):
			skip("no JPEG")
		case err != nil:
			return err
		case ok:
			n++
			sent(f, n)
			if n == limit {
				return nil
			}
		}
	}
	return nil
}
