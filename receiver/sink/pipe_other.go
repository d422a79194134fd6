//go:build !linux

package sink

import (
	"errors"
	"io"
	"os"
)

// enlarge returns 0, not known: only Linux lets a pipe's size be set.
func enlarge(*os.File) int { return 0 }

func quietly(file *os.File, _ int) io.Writer { return file }

// isEmpty is not known.
func isEmpty(*os.File) bool { return false }

// openOwnStdout is for Linux, where an open pipe can be opened once more.
func openOwnStdout() (*os.File, error) { return nil, errors.ErrUnsupported }
