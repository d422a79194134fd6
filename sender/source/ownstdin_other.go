//go:build !linux

package source

import (
	"errors"
	"io"
	"os"
)

// openOwnStdin is for Linux, where an open pipe can be opened once more.
func openOwnStdin() (*os.File, error) { return nil, errors.ErrUnsupported }

func quietly(f *os.File) io.Reader { return f }
