package main

import (
	"os"
	"slices"
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
	if isIPCamera(name) || !several(c) { // else the flags are for other sources of the command
		o.Patience, o.Header, o.Pins = c.Duration("patience"), cmdline.List(c, "header"), cmdline.List(c, "pin")
		o.Insecure, o.OldTLS = c.Bool("insecure"), c.Bool("old-tls")
		if o.OldTLS { // Go has no other way to allow signatures by SHA-1 and short keys
			os.Setenv("GODEBUG", strings.TrimPrefix(os.Getenv("GODEBUG")+",tlssha1=1,rsa1024min=0", ","))
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

// several reports whether the command has several sources, or gets flags from variables that are there for another command.
func several(c *cli.Context) bool {
	return len(cmdline.List(c, "source")) > 1 || slices.ContainsFunc(ipCameraOnly, func(flag string) bool {
		return os.Getenv(cmdline.Variable(flag)) != ""
	})
}

// isIPCamera reports whether a source is a camera over HTTP.
func isIPCamera(source string) bool {
	source = strings.ToLower(source)
	return strings.HasPrefix(source, "http:") || strings.HasPrefix(source, "https:")
}

// isUpload reports whether a source is a server that pictures are posted to.
func isUpload(source string) bool { return strings.HasPrefix(strings.ToLower(source), "post:") }
