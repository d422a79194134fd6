//go:build !linux

package netns

import (
	"os/exec"
	"time"

	"udpcam/internal/netsim"
)

// A Namespace is a separate network. Only Linux has it.
type Namespace struct{}

// Do fails.
func (*Namespace) Do(func() error) error { return ErrRoot }

// Start fails.
func (*Namespace) Start(*exec.Cmd) error { return ErrRoot }

// A Cable is two machines and the network between them.
type Cable struct{ A, B *Namespace }

// NewCable fails.
func NewCable(string) (*Cable, error) { return nil, ErrRoot }

// NewDirect fails.
func NewDirect() (*Cable, error) { return nil, ErrRoot }

// NewTunnel fails.
func NewTunnel(netsim.Path, uint64) (*Cable, error) { return nil, ErrRoot }

// Change fails.
func (*Cable) Change(string) error { return ErrRoot }

// Sent fails.
func (*Cable) Sent() (a, b Traffic, err error) { return a, b, ErrRoot }

// CPU returns 0.
func (*Cable) CPU() time.Duration { return 0 }

// Close does nothing.
func (*Cable) Close() error { return nil }
