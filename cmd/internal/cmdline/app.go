// Package cmdline has what the programs of this module share. It runs a command line, declares and reads flags, lays out
// help, and prints errors.
//
//	app := cmdline.Complete(&cli.App{Name: "udpcam", Commands: ...})
//	cmdline.Main(app)
package cmdline

import (
	"cmp"
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"syscall"

	"github.com/urfave/cli/v2"
)

func init() { cli.HelpPrinter = printHelp }

// Complete takes a program with a name, commands and examples. It adds the parts that all programs have in common.
func Complete(app *cli.App) *cli.App {
	app.Flags = []cli.Flag{cli.HelpFlag} // cli adds this flag only together with its own help command
	app.CustomAppHelpTemplate = appHelp
	app.HideHelpCommand = true // cli's own help command: cli would also add it below commands that have subcommands
	app.OnUsageError = onUsageError
	app.Action = func(c *cli.Context) error {
		if name := c.Args().First(); name != "" {
			return UnknownCommand(c, name)
		}
		return cli.ShowAppHelp(c)
	}
	return app
}

// Main runs the program's command line, and exits.
func Main(app *cli.App) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	ctx, end := context.WithCancel(ctx)
	endWithTerminal(end)
	// When the reader of our output leaves, the write fails. That is handled there, and must not kill the program.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(Run(ctx, app, os.Args, os.Stdout, os.Stderr))
}

// reloading is whether SIGHUP means something else to the command that runs.
var reloading atomic.Bool

// Reloads says that the command that runs takes SIGHUP itself.
func Reloads() { reloading.Store(true) }

// endWithTerminal calls end when the terminal is closed, which sends SIGHUP. Under nohup it does nothing.
func endWithTerminal(end func()) {
	if signal.Ignored(syscall.SIGHUP) {
		return
	}
	closed := make(chan os.Signal, 1)
	signal.Notify(closed, syscall.SIGHUP)
	go func() {
		for range closed {
			if !reloading.Load() {
				end()
			}
		}
	}()
}

// Run runs one command line, which begins with the program's name. It ends in order when ctx is done. It returns the exit
// code: 0, ExitFailure or ExitUsage.
func Run(ctx context.Context, app *cli.App, args []string, stdout, stderr io.Writer) (code int) {
	app.Writer, app.ErrWriter = stdout, stderr
	app.ExitErrHandler = func(c *cli.Context, err error) { code = printError(c, err) }
	if err := app.RunContext(ctx, joinValues(app, args)); err != nil && code == 0 {
		code = ExitFailure
	}
	return code
}

// Version returns release or, if that is empty, what the go command knows of the code: a tag or a commit.
func Version(release string) string {
	built := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		built = info.Main.Version
	}
	return cmp.Or(release, built, "(unknown)")
}
