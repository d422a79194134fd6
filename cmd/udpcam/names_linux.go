package main

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// errTaken means that another stream on this host has the name.
var errTaken = errors.New("the name is taken")

// holdName takes a name on this host until it is closed, or the process ends. It binds a socket in the abstract namespace,
// which leaves no file behind: see unix(7). A container with a network of its own is a host of its own.
func holdName(name string) (io.Closer, error) {
	held, err := net.ListenUnix("unix", &net.UnixAddr{Name: "@udpcam/stream/" + name, Net: "unix"})
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, errTaken
	case err != nil:
		return nil, err
	}
	return held, nil
}
