// Package cmdline is what the commands of this module have in common: how a command line is run, how flags are declared
// and read, how help is laid out, and what becomes of errors.
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
	"syscall"

	"github.com/urfave/cli/v2"
)

// Complete completes a program, which has a name, commands and examples, with what all programs have.
func Complete(app *cli.App) *cli.App {
	cli.HelpPrinter = printHelp
	app.Flags = []cli.Flag{cli.HelpFlag} // cli adds it only beside a help command of its own
	app.CustomAppHelpTemplate = appHelp
	app.HideHelpCommand = true // cli's own, which it would add below commands that have others
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
	context.AfterFunc(ctx, stop) // whoever presses Ctrl-C a second time does not want to wait for an orderly end
	// Whoever reads our output may leave: that is an error of a write, to be handled there, and no reason to be killed.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(Run(ctx, app, os.Args, os.Stdout, os.Stderr))
}

// Run runs one command line, program name included, and returns the exit code: 0, 1 for what went wrong, 2 for a
// mistake in the command line. It ends in order when ctx is done.
func Run(ctx context.Context, app *cli.App, args []string, stdout, stderr io.Writer) (code int) {
	app.Writer, app.ErrWriter = stdout, stderr
	app.ExitErrHandler = func(c *cli.Context, err error) { code = report(c, err) }
	if err := app.RunContext(ctx, args); err != nil && code == 0 {
		code = ExitFailure
	}
	return code
}

// Version is the release that a program was built as, or else what the go command knows of its code: a tag or a commit.
func Version(release string) string {
	built := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		built = info.Main.Version
	}
	return cmp.Or(release, built, "(unknown)")
}
