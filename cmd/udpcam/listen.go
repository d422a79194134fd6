package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/sender"
)

// maxSubscribers is the most that --max-subscribers can be.
const maxSubscribers = 1024

// portFlags are the flags of a port where receivers subscribe. The usage of --linger says what is done after the last one left.
func portFlags(linger string) []cli.Flag {
	return cmdline.Flags("Receivers that come",
		&cmdline.OptionalFlag{Usual: anyAddress, GenericFlag: cli.GenericFlag{Name: "listen",
			Usage: "let receivers come to this port (`[ADDR]`), by udpcam recv --from THIS-MACHINE; without a value, " + anyAddress}},
		&cli.IntFlag{Name: "max-subscribers", Value: sender.DefaultMaxSubscribers,
			Usage: fmt.Sprintf("how many (`N`) may receive each stream at once, at most %d", maxSubscribers)},
		&cli.BoolFlag{Name: "hidden", Usage: "do not let udpcam find see this camera; its address still works"},
		&cli.DurationFlag{Name: "linger", Value: 10 * time.Second, Usage: linger},
	)
}

// listenAddr returns the address of --listen, "" without the flag. It checks the flags that belong to it.
func listenAddr(c *cli.Context) (addr string, err error) {
	if text := c.String("listen"); text != "" {
		if addr, err = addressOf("listen", text); err != nil {
			return "", err
		}
	}
	for _, flag := range []string{"max-subscribers", "hidden", "linger"} {
		if addr == "" && c.IsSet(flag) && os.Getenv(cmdline.Variable(flag)) == "" {
			return "", cmdline.Usagef("--%s is for --listen: give that too", flag)
		}
	}
	n := c.Int("max-subscribers")
	switch {
	case n < 1 || n > maxSubscribers:
		return "", cmdline.Usagef("--max-subscribers %d: give 1 to %d", n, maxSubscribers)
	case addr != "" && c.String("wire") == string(protocol.WireClassic):
		return "", cmdline.Usagef("--listen and --wire classic contradict: on the classic wire nobody can ask for a stream")
	case addr != "" && c.IsSet("feedback") && !c.Bool("feedback"):
		return "", cmdline.Usagef("--listen and --feedback=false contradict: receivers say by their reports that they are there")
	}
	return addr, nil
}

// openPorts are the ports of --listen of this process, by the address that the user gave. Commands of udpcam run share them.
var openPorts = struct {
	sync.Mutex
	byAddr map[string]*sharedPort
}{byAddr: map[string]*sharedPort{}}

// A sharedPort is closed when its last user has closed it.
type sharedPort struct {
	*sender.Port
	addr   string
	config sender.PortConfig
	users  int
}

// openPort opens a port, or returns the one that is open at this address.
func openPort(ctx context.Context, addr string, config sender.PortConfig) (*sharedPort, error) {
	openPorts.Lock()
	defer openPorts.Unlock()
	p := openPorts.byAddr[addr]
	switch {
	case p == nil:
		port, err := sender.OpenPort(ctx, config, addr)
		if err != nil {
			return nil, explainListening("listen", addr, err)
		}
		p = &sharedPort{Port: port, addr: addr, config: config}
		openPorts.byAddr[addr] = p
	case p.config.MaxSubscribers != config.MaxSubscribers, p.config.NoGSO != config.NoGSO,
		p.config.Fragments != config.Fragments:
		return nil, cmdline.Usagef("--listen %s is also that of another camera: give both the same --max-subscribers, --segment "+
			"and --no-gso", addr)
	}
	p.users++
	return p, nil
}

func (p *sharedPort) Close() error {
	openPorts.Lock()
	defer openPorts.Unlock()
	if p.users--; p.users > 0 {
		return nil
	}
	delete(openPorts.byAddr, p.addr)
	return p.Port.Close()
}

// explainListening says in the error of listening on the address of a flag what to do.
func explainListening(flag, addr string, err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		err = fmt.Errorf("%w (give an address of this machine, or %s for all of them)", err, anyAddress)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		err = fmt.Errorf("%w (this machine does not have that address; %s listens on all of its addresses)", err, anyAddress)
	case errors.Is(err, os.ErrPermission):
		err = fmt.Errorf("%w (ports below 1024 need root: choose a higher one)", err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("port %s is in use by another program: choose another one with --%s %s", addr, flag, nextPort(addr))
	}
	return fmt.Errorf("--%s: %w", flag, err)
}
