package main

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/v4l2"
	"udpcam/sender/source"
)

func camerasCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "cameras",
		Usage:     "list this machine's cameras, and what they can do",
		UsageText: "udpcam cameras [--json]",
		Description: cmdline.Examples(
			"udpcam cameras", "names, formats, sizes, frames a second, controls",
			"udpcam cameras --json | jq '.[0].formats'", "the same for programs",
		),
		Action: cameras,
	},
		cmdline.Flags("Output", &cli.BoolFlag{Name: "json", Usage: "write an array of objects"}),
	)
}

func cameras(c *cli.Context) error {
	found := source.Cameras()
	if c.Bool("json") {
		return writeJSON(c.App.Writer, append([]source.CameraInfo{}, found...))
	}
	text := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	for i, camera := range found {
		if i > 0 {
			fmt.Fprintln(text)
		}
		printCamera(text, camera)
	}
	if len(found) == 0 {
		fmt.Fprintln(text, noCameras())
	}
	return text.Flush()
}

func noCameras() string {
	if !v4l2.Supported && !source.HasOpenCV {
		return "On this system cameras need a build with OpenCV: see the README."
	}
	return "There is no camera. Is one plugged in? udpcam doctor looks further."
}

// printCamera writes what is known of a camera. A line without tabs ends a table.
func printCamera(w io.Writer, c source.CameraInfo) {
	title := c.Name
	if c.Default {
		title += "   (the default)"
	}
	fmt.Fprintf(w, "%s\n", strings.TrimSpace(title))
	names := append([]string{c.Source}, c.Links...)
	if c.OpenCV != "" {
		names = append(names, c.OpenCV)
	}
	fmt.Fprintf(w, "  --source   %s\n", strings.Join(names, "\n             "))
	if c.Bus != "" {
		fmt.Fprintf(w, "  at         %s, driver %s\n", c.Bus, c.Driver)
	}
	if c.Problem != "" {
		fmt.Fprintf(w, "  but        %s\n", c.Problem)
	}
	if len(c.Formats) > 0 {
		fmt.Fprintln(w, "\n  FORMAT\tSIZE\tFRAMES A SECOND\tTHAT IS")
		printFormats(w, c.Formats)
	}
	if len(c.Controls) > 0 {
		fmt.Fprintln(w, "\n  CONTROL\tNOW\tDEFAULT\tIT TAKES")
		for _, control := range c.Controls {
			printControl(w, control)
		}
	}
}

// printFormats lists the formats that can be sent, and then the names of the others.
func printFormats(w io.Writer, formats []source.CameraFormat) {
	var useless []string
	var above source.CameraFormat
	for _, f := range formats {
		name, how := strings.ToLower(f.Code), "encoded here"
		switch {
		case !f.Usable:
			useless = append(useless, name)
			continue
		case f.JPEG:
			how = "sent as it is"
		}
		if len(f.Sizes) == 0 {
			fmt.Fprintf(w, "  %s\t?\t?\t%s\n", name, how)
		} else if reflect.DeepEqual(f.Sizes, above.Sizes) {
			fmt.Fprintf(w, "  %s\tthe same\tthe same\t%s\n", name, how)
			continue
		}
		above = f
		for _, s := range f.Sizes {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", name, s.Size, ratesText(s), how)
			name, how = "", ""
		}
	}
	if len(useless) > 0 {
		fmt.Fprintf(w, "  not usable: %s\n", strings.Join(useless, " "))
	}
}

// ratesText lists the frame rates. If all rates between two bounds are possible, it names the bounds.
func ratesText(s source.CameraSize) string {
	var rates []string
	for _, r := range s.FPS {
		rates = append(rates, strconv.FormatFloat(round(r, 2), 'f', -1, 64))
	}
	if s.AnyRate && len(rates) == 2 {
		return rates[1] + " to " + rates[0]
	}
	return strings.Join(rates, " ")
}

func printControl(w io.Writer, c v4l2.Control) {
	now, standard, takes := strconv.FormatInt(c.Value, 10), strconv.FormatInt(c.Default, 10), ""
	switch c.Kind {
	case v4l2.Button:
		now, standard, takes = "", "", "any value, which presses it"
	case v4l2.Boolean:
		onOff := map[int64]string{0: "off", 1: "on"}
		now, standard, takes = onOff[c.Value], onOff[c.Default], "on, off"
	case v4l2.Menu:
		var items []string
		for _, item := range c.Menu {
			items = append(items, fmt.Sprintf("%d (%s)", item.Value, item.Name))
			if item.Value == c.Value {
				now = items[len(items)-1]
			}
		}
		takes = strings.Join(items, ", ")
	default:
		takes = fmt.Sprintf("%d to %d", c.Min, c.Max)
		if c.Step > 1 {
			takes += fmt.Sprintf(" in steps of %d", c.Step)
		}
	}
	if c.ReadOnly {
		takes = "nothing: it can only be read"
	} else if c.Inactive {
		takes += "; another control decides now"
	}
	fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", c.Name, now, standard, takes)
}
