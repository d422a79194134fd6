package source

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"udpcam/internal/v4l2"
)

// A setting of a control, as Options.Controls has it.
type controlSetting struct{ name, value string }

func parseControls(texts []string) (settings []controlSetting, err error) {
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if !ok || name == "" || value == "" {
			return nil, fmt.Errorf("%w: control %q: give NAME=VALUE, such as brightness=128; udpcam cameras lists the controls",
				ErrOption, text)
		}
		settings = append(settings, controlSetting{name, value})
	}
	return settings, nil
}

// renamed has the new names of controls that Linux 5.13 renamed, by their old names. Many instructions on the net still
// have the old names.
var renamed = map[string]string{
	"exposure_auto":                  "auto_exposure",
	"exposure_absolute":              "exposure_time_absolute",
	"exposure_auto_priority":         "exposure_dynamic_framerate",
	"white_balance_temperature_auto": "white_balance_automatic",
	"focus_auto":                     "focus_automatic_continuous",
}

func newName(name string) string { return cmp.Or(renamed[name], name) }

const compressionQuality = "compression_quality"

// control sets the controls in the order of the options, because some can be set only after another.
func (c *liveCamera) control(texts []string) error {
	settings, err := parseControls(texts)
	if err != nil {
		return err
	}
	if isJPEG(c.mode.Code.String()) && c.o.qualityAsked {
		settings = append([]controlSetting{{compressionQuality, strconv.Itoa(c.o.Quality)}}, settings...)
	}
	if len(settings) == 0 {
		return nil
	}
	controls, err := c.device.Controls()
	if err != nil {
		return err
	}
	for _, s := range settings {
		at := slices.IndexFunc(controls, func(c v4l2.Control) bool { return newName(c.Name) == newName(s.name) })
		switch {
		case at < 0 && s.name == compressionQuality:
			c.o.Log.Warn("the camera chooses the quality of its JPEGs itself; to choose it, take a raw format", "asked", s.value)
			continue
		case at < 0:
			return fmt.Errorf("%w: the camera has no control %s; it has %s", ErrOption, s.name, controlNames(controls))
		}
		value, err := controlValue(controls[at], s.value)
		if err == nil {
			err = c.device.Set(controls[at], value)
		}
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid) {
			return fmt.Errorf("%w: the camera does not take %s=%s now; does another control have to be set before?",
				ErrOption, s.name, s.value)
		} else if err != nil {
			return err
		}
	}
	return nil
}

func controlNames(controls []v4l2.Control) string {
	var names []string
	for _, c := range controls {
		if !c.ReadOnly {
			names = append(names, c.Name)
		}
	}
	return cmp.Or(strings.Join(names, " "), "none")
}

// switches are the words for the values of a control that is on or off.
var switches = map[string]string{"on": "1", "true": "1", "yes": "1", "off": "0", "false": "0", "no": "0"}

// controlValue returns the number for a control's value, which may be a number, on or off, or the name of a menu entry.
func controlValue(c v4l2.Control, text string) (int64, error) {
	number, err := strconv.ParseInt(cmp.Or(switches[strings.ToLower(text)], text), 0, 64)
	switch {
	case c.ReadOnly:
		return 0, fmt.Errorf("%w: the control %s can only be read", ErrOption, c.Name)
	case c.Kind == v4l2.Button:
		return 0, nil
	case c.Kind == v4l2.Menu:
		var items []string
		for _, item := range c.Menu {
			if err == nil && item.Value == number || strings.EqualFold(item.Name, text) {
				return item.Value, nil
			}
			items = append(items, fmt.Sprintf("%d (%s)", item.Value, item.Name))
		}
		return 0, fmt.Errorf("%w: control %s=%s: it can be %s", ErrOption, c.Name, text, strings.Join(items, ", "))
	case err != nil || number < c.Min || number > c.Max && c.Max >= c.Min:
		return 0, fmt.Errorf("%w: control %s=%s: it can be %d to %d", ErrOption, c.Name, text, c.Min, c.Max)
	}
	return number, nil
}
