//go:build !linux

package main

import (
	"errors"
	"net"
)

// checkSystem checks nothing: on Linux it checks features that only Linux has.
func checkSystem() []finding { return nil }

func pathMTU(*net.UDPConn) (int, error) { return 0, errors.ErrUnsupported }
