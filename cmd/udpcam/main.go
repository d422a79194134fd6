// Certificates of some cameras have a negative serial number, which Go does not read otherwise.
//go:debug x509negativeserial=1

// Command udpcam moves camera JPEGs across a network over UDP, and shows, records or re-serves them.
//
//	udpcam send    source.Source ──> sender.Sender, in one goroutine, without a queue
//	udpcam recv    receiver.Receiver ──> web.Server, sink.Window, and a sink.Queue for each --out
//	udpcam relay   receiver.Receiver ──> a sink.Queue and a sender.Sender for each stream
//	udpcam serve   source.Source ──> web.Server, which opens and closes the source as viewers come and go
//	udpcam hub     a NATS server, where recv --hub and serve --hub of other machines meet
//	udpcam run     several of these, as a file lists them: a house of tenants
//	udpcam demo    serve, with UDP on loopback between the two
//	udpcam find: the cameras on this network
//	udpcam cameras, udpcam doctor: what this machine has
//	udpcam mend: films that were cut off
//
// Each subcommand has a file of its own: its flags, and how it puts packages together. flags.go has the flags that several
// share. capture.go and loopback.go open the sources of frames, outputs.go and http.go open their destinations. session.go
// logs, and shows the status. The status files make the status. Package cmdline parses the command line and prints help.
package main

import (
	"cmp"
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/sender/source"
)

func main() { cmdline.Main(newApp()) }

const appExamples = `  udpcam demo                      a test pattern, at http://127.0.0.1:8080
  udpcam send --addr 192.168.1.20  the first camera, to another machine
  udpcam recv --show               there: a window
  udpcam recv --http :8080         or there: for browsers
`

// release is the version that a release is built with: go build -ldflags "-X main.release=v1.2.3".
var release string

func newApp() *cli.App {
	app := cmdline.Complete(&cli.App{
		Name:  "udpcam",
		Usage: "camera pictures over UDP: little delay, seen anywhere",
		Commands: []*cli.Command{
			sendCommand(),
			recvCommand(),
			relayCommand(),
			serveCommand(),
			hubCommand(),
			runCommand(),
			demoCommand(),
			findCommand(),
			camerasCommand(),
			doctorCommand(),
			mendCommand(),
			keyCommand(),
			versionCommand(),
			manCommand(),
			completionCommand(),
			cmdline.HelpCommand("udpcam", "send"),
		},
		Version:              cmdline.Version(release),
		Description:          appExamples,
		EnableBashCompletion: true,
	})
	unknown := app.Action
	app.Action = func(c *cli.Context) error {
		if c.Args().First() == "bench" {
			return cmdline.Usagef("the bench is a program of its own now: in udpcam's source, go run ./cmd/udpcam-bench")
		}
		return unknown(c)
	}
	return app
}

func versionCommand() *cli.Command {
	return command(&cli.Command{
		Name:        "version",
		Usage:       "print the version, and what is built in",
		UsageText:   "udpcam version",
		Description: cmdline.Examples("udpcam version", "to put into a bug report"),
		Action: func(c *cli.Context) error {
			_, err := fmt.Fprintf(c.App.Writer, "udpcam %s\n%s %s/%s\n%s\n", c.App.Version,
				runtime.Version(), runtime.GOOS, runtime.GOARCH, cmp.Or(source.OpenCVVersion(), "OpenCV not built in"))
			return err
		},
	})
}
