package main

import (
	"context"
	"io"
	"net"
	"os"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
)

// tcpCommand is a carrier of compare: plain TCP, without a protocol on it.
func tcpCommand() *cli.Command {
	return cmdline.Command(&cli.Command{
		Name:        "tcp",
		Hidden:      true,
		Usage:       "copy to a TCP connection, or from one: a carrier of compare",
		UsageText:   "udpcam-bench tcp send|receive HOST:PORT",
		ArgsUsage:   "send|receive HOST:PORT",
		Description: cmdline.Examples("udpcam-bench tcp receive :12345 >frames.mjpg", "then elsewhere: udpcam-bench tcp send HOST:12345 <frames.mjpg"),
		Action:      tcp,
	})
}

// tcp is udpcam-bench tcp.
func tcp(c *cli.Context) error {
	if c.NArg() != 2 {
		return cmdline.Usagef("give send or receive, and an address")
	}
	ctx, addr := c.Context, c.Args().Get(1)
	switch c.Args().First() {
	case "send":
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return copyUntil(ctx, conn, conn, os.Stdin)
	case "receive":
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		defer context.AfterFunc(ctx, func() { listener.Close() })()
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		return copyUntil(ctx, conn, os.Stdout, conn)
	}
	return cmdline.Usagef("%q: give send or receive", c.Args().First())
}

// copyUntil copies until the input ends, or ctx is done. Go sets TCP_NODELAY by itself.
func copyUntil(ctx context.Context, conn net.Conn, w io.Writer, r io.Reader) error {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_, err := io.Copy(struct{ io.Writer }{w}, r)
	if ctx.Err() != nil {
		return nil
	}
	return err
}
