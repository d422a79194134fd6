package main

import (
	"embed"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/sender/source"
)

// completions says for each shell how its completion script is installed.
var completions = []struct{ shell, install string }{
	{"bash", `echo 'source <(udpcam completion bash)' >> ~/.bashrc`},
	{"zsh", `echo 'source <(udpcam completion zsh)' >> ~/.zshrc     # behind compinit`},
	{"fish", `udpcam completion fish > ~/.config/fish/completions/udpcam.fish`},
	{"powershell", `udpcam completion powershell >> $PROFILE`},
}

// completionScripts has the scripts of all shells but fish, which cli makes. The scripts ask udpcam itself what may come
// next. It answers if its last argument is --generate-bash-completion.
//
//go:embed completion
var completionScripts embed.FS

func completionCommand() *cli.Command {
	var help, shells strings.Builder
	c := &cli.Command{
		Name:      "completion",
		Usage:     "print a script that makes a shell complete commands and flags",
		ArgsUsage: "SHELL",
	}
	for _, script := range completions {
		fmt.Fprintf(&help, "  %-10s  %s\n", script.shell, script.install)
		shells.WriteString("|" + script.shell)
		c.Subcommands = append(c.Subcommands, command(&cli.Command{
			Name:        script.shell,
			Usage:       "print the script for " + script.shell,
			UsageText:   "udpcam completion " + script.shell,
			Description: "Once:\n  " + script.install + "\n",
			Action: func(c *cli.Context) (err error) {
				var text []byte
				if script.shell == "fish" {
					fish, failed := c.App.ToFishCompletion()
					text, err = []byte(cmdline.Plain(fish)), failed // it has the flags' usage in it
				} else {
					text, err = completionScripts.ReadFile("completion/udpcam." + script.shell)
				}
				if err == nil {
					_, err = c.App.Writer.Write(text)
				}
				return err
			},
		}))
	}
	c.UsageText = "udpcam completion " + shells.String()[1:]
	c.Description = "Once:\n" + help.String()
	c.Action = func(c *cli.Context) error {
		return cmdline.Usagef("which shell? give one: %s", strings.TrimPrefix(c.Command.UsageText, "udpcam "))
	}
	return command(c)
}

// complete prints what may come next on the command line. After a flag with few possible values, it prints these values.
// Otherwise it prints cli's suggestions.
func complete(c *cli.Context) {
	values := map[string][]string{
		"--wire":      {string(protocol.WireV1), string(protocol.WireClassic)},
		"--log-level": {"debug", "info", "warn", "error"},
		"--source":    source.Schemes(),
	}
	last := ""
	if n := len(os.Args); n > 1 { // cli does the same: an incomplete flag is not in the context
		last = os.Args[n-2]
	}
	if found := values[last]; found != nil {
		fmt.Fprintln(c.App.Writer, strings.Join(found, "\n"))
		return
	}
	cli.DefaultCompleteWithFlags(c.Command)(c)
}
