//go:build !linux

package main

import (
	"errors"
	"net"
)

// checkSystem checks nothing: all that it checks is particular to Linux.
func checkSystem() []finding { return nil }

func pathMTU(*net.UDPConn) (int, error) { return 0, errors.ErrUnsupported }
