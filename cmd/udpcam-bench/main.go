// Command udpcam-bench measures udpcam, and other programs for comparison. Package bench does the measuring.
//
// Each subcommand has its flags in a file: loss.go, compare.go, cost.go (speed, fanout, delay and hub), explain.go, show.go,
// tcp.go, conform.go.
// measure.go runs a measurement, outputs.go writes its results, flags.go has flags that several share, and udpcam.go finds
// the udpcam that is measured.
package main

import (
	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
)

// release is the version that a release is built with: go build -ldflags "-X main.release=v1.2.3".
var release string

func main() { cmdline.Main(newApp()) }

const appExamples = `  udpcam-bench loss --link sim            each kind of network, simulated
  sudo udpcam-bench loss --loss 0,1,5,10  over the kernel's netem, as a curve
  sudo udpcam-bench compare --link tun    beside GStreamer, SRT, TCP, ffmpeg
`

func newApp() *cli.App {
	return cmdline.Complete(&cli.App{
		Name:  "udpcam-bench",
		Usage: "measure loss, delay and cost, of udpcam and of others",
		Commands: []*cli.Command{
			lossCommand(),
			compareCommand(),
			delayCommand(),
			speedCommand(),
			fanoutCommand(),
			hubCommand(),
			explainCommand(),
			showCommand(),
			tcpCommand(),
			conformCommand(),
			cmdline.HelpCommand("udpcam-bench", "loss"),
		},
		Version:     cmdline.Version(release),
		Description: appExamples,
	})
}
