package source

import "syscall"

// dieWithParent lets the system kill a program when udpcam ends, also by kill -9.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
