//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package sink

import "os"

// A screenGuard does nothing where there is no POSIX shell: the screen is restored by Close alone.
type screenGuard struct{}

func terminalSettings(*os.File) string          { return "" }
func guardScreen(*os.File, string) *screenGuard { return nil }
func (g *screenGuard) dismiss()                 {}

// keepSignals does nothing: there, Ctrl-C is a signal also of a terminal that passes on all keys.
func keepSignals(int) {}
