//go:build !linux

package source

import (
	"errors"
	"os"
)

// openOwnStdin is for Linux, where an open pipe can be opened once more.
func openOwnStdin() (*os.File, error) { return nil, errors.ErrUnsupported }
