//go:build !unix

package source

import (
	"context"
	"io"
	"os"
)

// interruptible returns a reader of f whose Read ends with an error when ctx is done, and a function that releases what
// it holds and leaves f open. Where there is no poll(2), nothing ends a Read of f itself: the goroutine that sits in it
// stays until something more is read or the process ends.
func interruptible(ctx context.Context, f *os.File) (r io.Reader, release func(), err error) {
	pr, pw := io.Pipe()
	go func() {
		_, err := io.Copy(pw, f)
		pw.CloseWithError(err)
	}()
	unhook := context.AfterFunc(ctx, func() { pr.CloseWithError(context.Cause(ctx)) })
	return pr, func() { unhook(); pr.Close() }, nil
}

func openFIFO(path string) (*os.File, error) { return os.Open(path) }
