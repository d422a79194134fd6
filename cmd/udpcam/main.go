// Command udpcam moves camera JPEGs across a network over UDP, and shows, records or re-serves them.
//
//	udpcam send    source.Source ──> sender.Sender, in one goroutine, without a queue
//	udpcam recv    receiver.Receiver ──> web.Hub, sink.Window, and a sink.Queue for each --out
//	udpcam serve   source.Source ──> web.Hub, which opens and closes the source as viewers come and go
//	udpcam demo    the same, with UDP on loopback between the two
//	udpcam bench   package bench, and from its report a table and files
//	udpcam cameras, udpcam doctor: what this machine has
//
// Each subcommand has a file of its own, with its flags and how it puts packages together. They share: in flags.go and
// help.go how flags are declared, read and shown; in failure.go what becomes of errors; in capture.go, loopback.go,
// outputs.go and http.go where frames come from and go to; in group.go what runs at the same time; in session.go,
// watch.go, console.go and the status files what is said meanwhile.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever presses Ctrl-C a second time does not want to wait for an orderly end
	// Whoever reads our output may leave: that is an error of a write, to be handled there, and no reason to be killed.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}

// run runs one command line, program name included, and returns the exit code: 0, 1 for what went wrong, 2 for a
// mistake in the command line. It ends in order when ctx is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	app := newApp()
	app.Writer, app.ErrWriter = stdout, stderr
	app.ExitErrHandler = func(c *cli.Context, err error) { code = report(c, err) }
	if err := app.RunContext(ctx, args); err != nil && code == 0 {
		code = exitFailure
	}
	return code
}

func newApp() *cli.App {
	cli.HelpPrinter = printHelp
	return &cli.App{
		Name:  "udpcam",
		Usage: "camera pictures over UDP: little delay, seen anywhere",
		Commands: []*cli.Command{
			sendCommand(),
			recvCommand(),
			serveCommand(),
			demoCommand(),
			benchCommand(),
			camerasCommand(),
			doctorCommand(),
			versionCommand(),
			manCommand(),
			completionCommand(),
			helpCommand(),
		},
		Flags:                 []cli.Flag{cli.HelpFlag}, // cli adds it only beside a help command of its own
		Version:               version(),
		Description:           appExamples,
		CustomAppHelpTemplate: appHelp,
		EnableBashCompletion:  true,
		HideHelpCommand:       true, // cli's own, which it would add below commands that have others
		OnUsageError:          onUsageError,
		Action: func(c *cli.Context) error {
			if name := c.Args().First(); name != "" {
				return unknownCommand(c, name)
			}
			return cli.ShowAppHelp(c)
		},
	}
}
