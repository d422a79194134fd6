//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package sink

import (
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
)

// A screenGuard is a shell that waits until this process has ended, in whatever way: closed, by a signal, by a panic, by
// kill -9. Then it makes the terminal as it was before. It also says why the process panicked, which would otherwise be
// lost with the other screen.
type screenGuard struct {
	shell *exec.Cmd
	alive *os.File // as long as it is open, this process is
}

// guardScript gets the settings of the terminal from before, and what restores the screen. Nobody but the end of its
// standard input ends it.
const guardScript = `trap '' INT QUIT TERM HUP TSTP TTOU TTIN
said=$(cat)
stty "$1" <&1
printf '%s' "$2"
if [ -n "$said" ]; then printf '%s\n' "$said" >&2; fi`

// terminalSettings returns the settings of a terminal, as stty understands them.
func terminalSettings(in *os.File) string {
	stty := exec.Command("stty", "-g")
	stty.Stdin = in
	said, err := stty.Output()
	if err != nil {
		return "sane"
	}
	return strings.TrimSpace(string(said))
}

// guardScreen starts the guard of a terminal, which had these settings. It returns nil if there is no shell.
func guardScreen(out *os.File, settings string) *screenGuard {
	r, w, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer r.Close()
	shell := exec.Command("/bin/sh", "-c", guardScript, "sh", settings, resetStyle+showCursor+mainScreen)
	shell.Stdin, shell.Stdout, shell.Stderr = r, out, out
	if err := shell.Start(); err != nil {
		w.Close()
		return nil
	}
	debug.SetCrashOutput(w, debug.CrashOptions{})
	return &screenGuard{shell, w}
}

// dismiss ends the guard.
func (g *screenGuard) dismiss() {
	if g == nil {
		return
	}
	debug.SetCrashOutput(nil, debug.CrashOptions{})
	g.alive.Close()
	g.shell.Wait()
}
