package source

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"udpcam/protocol"
)

// A setting is a set of the options that only some sources take.
type setting uint16

const (
	fps setting = 1 << iota
	loop
	size
	quality
	format
	control
	text
	live   // DropSame
	access // AllowHosts, User, Password, Token
	remote // Header, Patience, Insecure, Pins, OldTLS
	follow
)

// maxFPS is the highest possible frame rate. It is needed because a source without a clock sends as fast as it is told.
const maxFPS = 1000

// check returns an error if an option is out of range, or if the source does not take it.
func (o Options) check(takes setting) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrOption}, args...)...)
	}
	not := func(options setting) bool { return takes&options == 0 }
	_, textErr := expand(o.Text, time.Time{})
	_, headerErr := parseFields(o.Header)
	_, pinErr := parsePins(o.Pins)
	switch {
	case o.FPS != 0 && !(o.FPS >= 0.001 && o.FPS <= maxFPS):
		return bad("%v frames per second: it can be 0.001 to %d", o.FPS, maxFPS)
	case o.Quality < 0 || o.Quality > 100:
		return bad("JPEG quality %d: it can be 1 to 100", o.Quality)
	case o.Size.X < 0 || o.Size.Y < 0 || (o.Size.X == 0) != (o.Size.Y == 0):
		return bad("picture size %dx%d", o.Size.X, o.Size.Y)
	case o.DropSame < 0:
		return bad("%d repeats: leave out 1 or more, or 0 for none", o.DropSame)
	case o.Flip != "" && o.Flip != "h" && o.Flip != "v":
		return bad("flip %q: it can be h, which exchanges left and right, or v, which exchanges top and bottom", o.Flip)
	case o.Rotate != 0 && o.Rotate != 90 && o.Rotate != 180 && o.Rotate != 270:
		return bad("rotation by %d degrees: it can be 90, 180 or 270, clockwise", o.Rotate)
	case o.MaxFrameSize < 0 || o.MaxFrameSize > protocol.MaxFrameSize:
		return bad("largest frame %d bytes: it can be 1 to %d", o.MaxFrameSize, protocol.MaxFrameSize)
	case o.Patience < 0:
		return bad("patience of %v: give a time above 0, such as 1m", o.Patience)
	case headerErr != nil:
		return bad("%w", headerErr)
	case pinErr != nil:
		return bad("%w", pinErr)
	case o.Insecure && len(o.Pins) > 0:
		return bad("a pin, and any certificate, contradict: choose one of them")

	case o.Loop && not(loop):
		return bad("a live source cannot be looped")
	case o.Follow && not(follow):
		return bad("only a file or a folder can be followed")
	case o.Follow && o.Loop:
		return bad("loop and follow contradict: the one repeats old pictures, the other waits for new ones")
	case o.FPS != 0 && not(fps):
		return bad("a live source brings its own frame rate")
	case o.Size.X != 0 && not(size):
		return bad("the source passes pictures on as they are, at their own size")
	case o.Quality != 0 && not(quality):
		return bad("the source passes pictures on as they are, at their own quality")
	case o.Format != "" && not(format):
		return bad("the source has no formats to choose from; v4l2 cameras have")
	case len(o.Controls) > 0 && not(control):
		return bad("the source has no controls; v4l2 cameras have")
	case o.Text != "" && not(text):
		return bad("the source passes pictures on as they are; text can be written into those that are encoded here")
	case o.DropSame != 0 && not(live):
		return bad("only a live source has repeats to leave out")
	case (len(o.AllowHosts) > 0 || o.User+o.Password+o.Token != "") && not(access):
		return bad("only uploads can ask for a password or a token, or check by what name they are addressed: post://:8081/")
	case (len(o.Header)+len(o.Pins) > 0 || o.Patience != 0 || o.Insecure || o.OldTLS) && not(remote):
		return bad("a header, patience and certificates are for IP cameras: http:// and https://")
	}
	return textErr
}

// withDefaults fills in the defaults that are the same for all sources.
func (o Options) withDefaults() Options {
	o.qualityAsked = o.Quality != 0
	o.MaxFrameSize = cmp.Or(o.MaxFrameSize, protocol.MaxFrameSize)
	o.Log = cmp.Or(o.Log, slog.Default())
	if o.Skip == nil {
		o.Skip = func(string) {}
	}
	if o.Encoded == nil {
		o.Encoded = func(time.Duration) {}
	}
	return o
}
