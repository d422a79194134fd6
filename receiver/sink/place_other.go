//go:build !linux && !darwin

package sink

import (
	"errors"
	"os"
)

// deviceOf does not know. A drive that is away is an error of its own on Windows.
func deviceOf(string) (device uint64, ok bool) { return 0, false }

func departed(is, named os.FileInfo) bool { return false }

func freeSpace(string) (int64, error) { return 0, errors.ErrUnsupported }

const claims = false

func claim(*os.File) bool { return true }

func unclaim(*os.File) {}

func openOwn(name string, flag int) (*os.File, error) { return os.OpenFile(name, flag, 0) }

var errQuota = errors.ErrUnsupported
