//go:build gocv

package sink

/*
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

// libxcb is opened as it runs, not linked: its headers need not be there to build. These are xcb_screen_iterator_t and the
// beginning of xcb_screen_t, which is SCREEN of the X11 protocol, section 8.
struct screen { uint32_t root, colormap, white, black, events; uint16_t width, height; };
struct screens { struct screen *data; int rem, index; };

// xcb is NULL if the display that $DISPLAY names cannot be opened.
struct connection {
	void *xcb;
	void (*disconnect)(void *);
	int width, height;
};

static struct connection udpcam_open_display(void) {
	struct connection c = {0};
	void *lib = dlopen("libxcb.so.1", RTLD_NOW);
	if (!lib) return c;
	void *(*connect)(const char *, int *) = dlsym(lib, "xcb_connect");
	int (*failed)(void *) = dlsym(lib, "xcb_connection_has_error");
	const void *(*setup)(void *) = dlsym(lib, "xcb_get_setup");
	struct screens (*roots)(const void *) = dlsym(lib, "xcb_setup_roots_iterator");
	c.disconnect = dlsym(lib, "xcb_disconnect");
	if (!connect || !failed || !setup || !roots || !c.disconnect) return c;
	c.xcb = connect(NULL, NULL);
	if (failed(c.xcb)) {
		c.disconnect(c.xcb);
		c.xcb = NULL;
		return c;
	}
	struct screens s = roots(setup(c.xcb));
	if (s.rem > 0) c.width = s.data->width, c.height = s.data->height;
	return c;
}

static void udpcam_close_display(struct connection c) { c.disconnect(c.xcb); }
*/
import "C"

import (
	"fmt"
	"image"
	"os"
	"strings"
)

// openDisplay finds out whether there is a display to open windows on, and how large it is, zero if unknown.
//
// It has to be asked before HighGUI is: Qt aborts the process and GTK exits it when there is none. Debian's OpenCV is
// built with Qt 5, which takes X11, also in a Wayland session, unless QT_QPA_PLATFORM tells it otherwise; who sets that
// is trusted to know. The connection stays open until the windows are gone: an X server without clients starts afresh
// when the last one leaves, and would be away when HighGUI comes.
func openDisplay() (size image.Point, closeDisplay func(), err error) {
	if platform := os.Getenv("QT_QPA_PLATFORM"); platform != "" && !strings.HasPrefix(platform, "xcb") {
		return image.Point{}, func() {}, nil
	}
	display := C.udpcam_open_display()
	if display.xcb != nil {
		size = image.Pt(int(display.width), int(display.height))
		return size, func() { C.udpcam_close_display(display) }, nil
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
