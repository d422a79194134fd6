//go:build !linux

package main

import (
	"errors"
	"io"
	"sync"
)

// errTaken means that another stream of this process has the name.
var errTaken = errors.New("the name is taken")

// heldNames are the names of this process. Those of other processes are not known on this system.
var heldNames sync.Map

type heldName string

func (n heldName) Close() error {
	heldNames.Delete(string(n))
	return nil
}

// holdName takes a name in this process until it is closed.
func holdName(name string) (io.Closer, error) {
	if _, taken := heldNames.LoadOrStore(name, true); taken {
		return nil, errTaken
	}
	return heldName(name), nil
}
