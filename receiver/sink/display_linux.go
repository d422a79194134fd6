//go:build gocv

package sink

import (
	"fmt"
	"image"
	"io"
	"log"
	"os"
	"strings"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// openDisplay finds out whether windows can be opened, and how large the display is. The size is zero if unknown.
//
// This has to be known before HighGUI starts: without a display, Qt aborts the process and GTK exits it. Debian's OpenCV is
// built with Qt 5. Qt uses X11, also in a Wayland session, unless the user sets QT_QPA_PLATFORM. If the user has set it,
// nothing is checked. The connection stays open until the windows are gone: an X server starts afresh when its last client
// leaves, and would be away when HighGUI comes.
func openDisplay() (size image.Point, closeDisplay func(), err error) {
	if platform := os.Getenv("QT_QPA_PLATFORM"); platform != "" && !strings.HasPrefix(platform, "xcb") {
		return image.Point{}, func() {}, nil
	}
	xgb.Logger = log.New(io.Discard, "", 0)
	if display, err := xgb.NewConn(); err == nil {
		screen := xproto.Setup(display).DefaultScreen(display)
		return image.Pt(int(screen.WidthInPixels), int(screen.HeightInPixels)), display.Close, nil
	}
	switch name := os.Getenv("DISPLAY"); {
	case name != "":
		err = fmt.Errorf("%w: X display %s does not open; look at DISPLAY and XAUTHORITY", ErrNoDisplay, name)
	case os.Getenv("WAYLAND_DISPLAY") != "":
		err = fmt.Errorf("%w: Wayland needs Xwayland, or QT_QPA_PLATFORM=wayland and the package qtwayland5", ErrNoDisplay)
	default:
		err = fmt.Errorf("%w: DISPLAY is not set; a browser can show the stream instead (recv --http :8080)", ErrNoDisplay)
	}
	return image.Point{}, nil, err
}
