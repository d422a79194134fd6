//go:build !linux || !(386 || amd64 || arm || arm64 || loong64 || riscv64)

package v4l2

import (
	"context"
	"time"
)

// Supported reports whether this system has Video4Linux2.
const Supported = false

// A Device is an open camera, which there cannot be here.
type Device struct{}

// Open returns ErrSystem.
func Open(string) (*Device, error) { return nil, ErrSystem }

func (*Device) Info() Info                              { return Info{} }
func (*Device) Close() error                            { return nil }
func (*Device) Formats() ([]Format, error)              { return nil, ErrSystem }
func (*Device) Controls() ([]Control, error)            { return nil, ErrSystem }
func (*Device) Set(Control, int64) error                { return ErrSystem }
func (*Device) Configure(Mode) (Mode, error)            { return Mode{}, ErrSystem }
func (*Device) Start(context.Context, int) error        { return ErrSystem }
func (*Device) Next(time.Duration) (p Picture, _ error) { return p, ErrSystem }

// An Output is an open device that pictures are written to, which there cannot be here.
type Output struct{}

// OpenOutput returns ErrSystem.
func OpenOutput(string) (*Output, error) { return nil, ErrSystem }

func (*Output) Info() Info                   { return Info{} }
func (*Output) Configure(Mode) (Mode, error) { return Mode{}, ErrSystem }
func (*Output) Write([]byte) error           { return ErrSystem }
func (*Output) Close() error                 { return nil }

// Group returns "".
func Group(string) string { return "" }
