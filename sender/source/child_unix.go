//go:build unix

package source

import (
	"os/exec"
	"syscall"
)

// shell returns the program and the arguments that run a command of the system's shell.
func shell(command string) []string { return []string{"/bin/sh", "-c", command} }

// tie lets a program lead a group of its own, so that all that it starts can be ended with it.
func tie(program *exec.Cmd) {
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(program.SysProcAttr)
}

// terminate asks a program, and what it has started, to end.
func terminate(program *exec.Cmd) { syscall.Kill(-program.Process.Pid, syscall.SIGTERM) }

// kill ends a program, and what it has started.
func kill(program *exec.Cmd) { syscall.Kill(-program.Process.Pid, syscall.SIGKILL) }
