package sink

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

func stdout() (*os.File, error) { return os.Stdout, nil }

func readerGone(err error) bool {
	return errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_NO_DATA)
}
