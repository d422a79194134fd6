package main

import (
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol/mjpeg"
	"udpcam/sender/source"
)

// openSource opens a source by its name. The flags complete its options.
func openSource(c *cli.Context, name string, o source.Options) (src source.Source, err error) {
	if name == "" {
		return nil, cmdline.Usagef("without OpenCV, udpcam has no cameras on this system: " +
			"name another source, such as --source test:")
	}
	o.FPS = c.Float64("fps")
	o.Loop, o.Follow = c.Bool("loop"), c.Bool("follow")
	if o.Size, err = cmdline.ParseSize(c.String("size")); err != nil {
		return nil, err
	}
	o.Quality = c.Int("quality")
	o.Format = c.String("format")
	o.Controls = cmdline.List(c, "control")
	o.Rotate, o.Flip = c.Int("rotate"), c.String("flip")
	o.Text = c.String("text")
	o.DropSame = c.Int("drop-same")
	if isUpload(name) {
		o.AllowHosts, o.Token = cmdline.List(c, "allow-host"), c.String("token")
		if o.User, o.Password, err = authOf(c); err != nil {
			return nil, err
		}
	}
	if count, log := o.Skip, o.Log; count != nil {
		var once sync.Once
		o.Skip = func(reason string) {
			if reason != string(mjpeg.Garbage) {
				count(reason)
				return
			}
			once.Do(func() {
				log.Info("what stands between the pictures is left out: it is no picture", "source", source.Redact(name))
			})
		}
	}
	src, err = source.Open(name, o)
	err = cmdline.UsageIf(err, source.ErrUnknown, source.ErrName, source.ErrOption, source.ErrNoOpenCV)
	return src, err
}

// isUpload reports whether a source is a server that pictures are posted to.
func isUpload(source string) bool { return strings.HasPrefix(strings.ToLower(source), "post:") }
