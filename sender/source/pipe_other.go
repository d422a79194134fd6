//go:build !linux

package source

import (
	"context"
	"io"
	"os"
)

func openStdin(ctx context.Context) (io.ReadCloser, error) { return openStdinApart(ctx), nil }

func openFIFO(ctx context.Context, path string) (io.ReadCloser, error) {
	return readApart(ctx, func() (io.ReadCloser, error) { return os.Open(path) }), nil // Open waits for a writer
}

// readPipe returns what reads a pipe of this process. Reading it ends when the last of its writers ends.
func readPipe(_ context.Context, file *os.File) io.ReadCloser { return file }
