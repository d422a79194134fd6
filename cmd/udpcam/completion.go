package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/sender/source"
)

// completions are the scripts that make a shell complete udpcam's commands and flags, by shell. All but fish's ask the
// program itself, which cli makes answer when its last argument is --generate-bash-completion.
var completions = []struct{ shell, install, script string }{
	{"bash", `echo 'source <(udpcam completion bash)' >> ~/.bashrc`, bashCompletion},
	{"zsh", `echo 'source <(udpcam completion zsh)' >> ~/.zshrc     # behind compinit`, zshCompletion},
	{"fish", `udpcam completion fish > ~/.config/fish/completions/udpcam.fish`, ""},
	{"powershell", `udpcam completion powershell >> $PROFILE`, powershellCompletion},
}

const bashCompletion = `_udpcam() {
	local word=${COMP_WORDS[COMP_CWORD]} asked=("${COMP_WORDS[@]:0:COMP_CWORD}")
	[[ $word == -* ]] && asked+=("$word")
	local IFS=$'\n'
	COMPREPLY=($(compgen -W "$("${asked[@]}" --generate-bash-completion 2>/dev/null)" -- "$word"))
}
complete -o bashdefault -o default -F _udpcam udpcam
`

const zshCompletion = `#compdef udpcam
_udpcam() {
	local -a asked=("${words[@]:0:$((CURRENT - 1))}") found
	[[ ${words[CURRENT]} == -* ]] && asked+=("${words[CURRENT]}")
	found=("${(@f)$("${asked[@]}" --generate-bash-completion 2>/dev/null)}")
	if [[ -n ${found[1]} ]]; then compadd -a found; else _files; fi
}
compdef _udpcam udpcam
`

const powershellCompletion = `Register-ArgumentCompleter -Native -CommandName udpcam -ScriptBlock {
	param($word, $line, $position)
	$asked = @($line.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
	if ($word -and -not $word.StartsWith('-')) { $asked = @($asked | Select-Object -SkipLast 1) }
	& $line.CommandElements[0] @asked --generate-bash-completion | Where-Object { $_ -like "$word*" } |
		ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
}
`

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
				text := script.script
				if script.shell == "fish" {
					text, err = c.App.ToFishCompletion()
					text = cmdline.Plain(text) // it has the flags' usage in it
				}
				if err == nil {
					_, err = fmt.Fprint(c.App.Writer, text)
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

// complete prints what may come next on the command line: the values of the flag that ends it, where there are few,
// or else what cli suggests.
func complete(c *cli.Context) {
	values := map[string][]string{
		"--wire":      {string(protocol.WireV1), string(protocol.WireClassic)},
		"--log-level": {"debug", "info", "warn", "error"},
		"--source":    source.Schemes(),
	}
	last := ""
	if n := len(os.Args); n > 1 { // as cli does: the context does not hold a flag that is not complete
		last = os.Args[n-2]
	}
	if found := values[last]; found != nil {
		fmt.Fprintln(c.App.Writer, strings.Join(found, "\n"))
		return
	}
	cli.DefaultCompleteWithFlags(c.Command)(c)
}
