package source

import "os/exec"

// shell returns the program and the arguments that run a command of the system's shell.
func shell(command string) []string { return []string{"cmd", "/C", command} }

func tie(*exec.Cmd) {}

// terminate and kill end a program. What it has started ends when it next writes to the pipe that nobody reads any more.
func terminate(program *exec.Cmd) { program.Process.Kill() }
func kill(program *exec.Cmd)      { program.Process.Kill() }
