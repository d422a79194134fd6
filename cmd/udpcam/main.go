// Command udpcam moves camera JPEGs across a network over UDP, and shows, records or re-serves them.
//
//	udpcam send    source.Source ──> sender.Sender, in one goroutine, without a queue
//	udpcam recv    receiver.Receiver ──> web.Server, sink.Window, and a sink.Queue for each --out
//	udpcam serve   source.Source ──> web.Server, which opens and closes the source as viewers come and go
//	udpcam demo    the same, with UDP on loopback between the two
//	udpcam cameras, udpcam doctor: what this machine has
//
// Each subcommand has a file of its own, with its flags and how it puts packages together. They share: in flags.go the
// flags that several have; in capture.go, loopback.go, outputs.go and http.go where frames come from and go to; in
// group.go what runs at the same time; in session.go, watch.go, console.go and the status files what is said meanwhile.
// How a command line is run, and how its help is laid out, is in package cmdline.
package main

import (
	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
)

func main() { cmdline.Main(newApp()) }

const appExamples = `  udpcam demo                      a test pattern, at http://127.0.0.1:8080
  udpcam send --addr 192.168.1.20  the first camera, to another machine
  udpcam recv --show               there: a window
  udpcam recv --http :8080         or there: for browsers
`

func newApp() *cli.App {
	app := cmdline.Complete(&cli.App{
		Name:  "udpcam",
		Usage: "camera pictures over UDP: little delay, seen anywhere",
		Commands: []*cli.Command{
			sendCommand(),
			recvCommand(),
			serveCommand(),
			demoCommand(),
			camerasCommand(),
			doctorCommand(),
			versionCommand(),
			manCommand(),
			completionCommand(),
			cmdline.HelpCommand("udpcam", "send"),
		},
		Version:              version(),
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
