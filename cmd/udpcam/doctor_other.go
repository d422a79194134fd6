//go:build !linux

package main

import (
	"errors"
	"net"
)

// errUnreachable is that there is no route, which is not told apart here.
var errUnreachable = errors.New("unreachable")

// checkSystem finds nothing: what it looks at is Linux's.
func checkSystem() []finding { return nil }

func pathMTU(*net.UDPConn) (int, error) { return 0, errors.ErrUnsupported }
