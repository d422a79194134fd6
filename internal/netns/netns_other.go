//go:build !linux

package netns

import (
	"os/exec"
	"time"

	"udpcam/internal/netsim"
)

// Other systems than Linux have no network namespaces. All functions that make one return ErrRoot.

// A Namespace is a separate network.
type Namespace struct{}

func (*Namespace) Do(func() error) error { return ErrRoot }
func (*Namespace) Start(*exec.Cmd) error { return ErrRoot }

// A Cable is two machines and the network between them.
type Cable struct{ A, B *Namespace }

func NewCable(string) (*Cable, error)               { return nil, ErrRoot }
func NewDirect() (*Cable, error)                    { return nil, ErrRoot }
func NewTunnel(netsim.Path, uint64) (*Cable, error) { return nil, ErrRoot }
func (*Cable) Change(string) error                  { return ErrRoot }
func (*Cable) Sent() (a, b Traffic, err error)      { return a, b, ErrRoot }
func (*Cable) CPU() time.Duration                   { return 0 }
func (*Cable) Close() error                         { return nil }
