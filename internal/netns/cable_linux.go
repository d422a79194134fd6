package netns

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"udpcam/internal/netsim"
	"udpcam/internal/tunnel"
)

// device is what the machines' network device is called.
const device = "cable"

const mtu = 1500

// ethernet is the header that a veth counts and a tun has not.
const ethernet = 14

// A Cable is two machines and the network between them.
type Cable struct {
	A, B *Namespace

	router *Namespace     // with netem
	tunnel *tunnel.Tunnel // with tun
}

// NewCable returns two machines between which packets fare as netem is told, and tbf behind it (see [netsim.ParseNetem]), in
// both directions alike. The error is ErrRoot, ErrNetem, or ErrArguments, wrapped.
func NewCable(netem string) (*Cable, error) {
	c, err := newMachines()
	if err != nil {
		return nil, err
	}
	if c.router, err = newNamespace(); err == nil {
		err = c.wire(netem)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// NewDirect returns two machines with nothing but a cable between them. The error is ErrRoot.
func NewDirect() (*Cable, error) {
	c, err := newMachines()
	if err != nil {
		return nil, err
	}
	const address = "02:77:00:00:00:0%d"
	end := func(i int) []string {
		return []string{
			fmt.Sprintf("address add 10.77.%d.2 peer 10.77.%d.2 dev %s", i, 3-i, device),
			fmt.Sprintf("link set %s gso_max_segs 1 up", device),
			fmt.Sprintf("neigh replace 10.77.%d.2 lladdr "+address+" dev %s", 3-i, 3-i, device),
		}
	}
	err = errors.Join(
		c.A.ip(append([]string{
			fmt.Sprintf("link add name %s mtu %d address "+address+" type veth peer name other mtu %d address "+address, device, mtu, 1, mtu, 2),
			fmt.Sprintf("link set other netns /proc/%d/fd/%d", os.Getpid(), c.B.file.Fd()),
		}, end(1)...)...),
		c.B.ip(append([]string{"link set other name " + device}, end(2)...)...))
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func newMachines() (c *Cable, err error) {
	c = &Cable{}
	if c.A, err = newNamespace(); err == nil {
		c.B, err = newNamespace()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// wire plugs both machines into the router.
func (c *Cable) wire(netem string) error {
	err := c.router.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) })
	if err != nil {
		return err
	}
	for i, m := range []*Namespace{c.A, c.B} {
		port, network, other := port(i+1), i+1, 2-i
		// Every packet crosses by itself, as on a real network: without gso_max_segs the two ends of a veth pass each other
		// many in one. The neighbours are known, so that the first packets need not wait until they are.
		err := errors.Join(
			c.router.ip(
				fmt.Sprintf("link add name %s mtu %d txqueuelen 10000 address 02:77:00:00:0%d:01 type veth "+
					"peer name %s mtu %d txqueuelen 10000 address 02:77:00:00:0%d:02", port, mtu, network, device, mtu, network),
				fmt.Sprintf("link set %s netns /proc/%d/fd/%d", device, os.Getpid(), m.file.Fd()),
				fmt.Sprintf("address add 10.77.%d.1/24 dev %s", network, port),
				fmt.Sprintf("link set %s gso_max_segs 1 up", port),
				fmt.Sprintf("neigh replace 10.77.%d.2 lladdr 02:77:00:00:0%d:02 dev %s", network, network, port)),
			m.ip(
				fmt.Sprintf("address add 10.77.%d.2/24 dev %s", network, device),
				fmt.Sprintf("link set %s gso_max_segs 1 up", device),
				fmt.Sprintf("neigh replace 10.77.%d.1 lladdr 02:77:00:00:0%d:01 dev %s", network, network, device),
				fmt.Sprintf("route add 10.77.%d.0/24 via 10.77.%d.1", other, network)))
		if err != nil {
			return err
		}
		if err := c.router.queue("add", port, netem); err != nil {
			return err
		}
	}
	return nil
}

// Change has packets fare otherwise from now on, in both directions alike. What is on its way already stays there. With
// netem the words have to be about the same as before: both about netem, or tbf, or both.
func (c *Cable) Change(netem string) error {
	if c.tunnel != nil {
		p, err := netsim.ParseNetem(netem)
		if err == nil {
			c.tunnel.SetPath(p)
		}
		return err
	}
	return errors.Join(c.router.queue("change", port(1), netem), c.router.queue("change", port(2), netem))
}

// port is what the router's device is called that is plugged into a machine, 1 or 2.
func port(machine int) string { return fmt.Sprintf("port%d", machine) }

// NewTunnel returns two machines between which this process carries packets, as the path says. The error is ErrRoot or
// ErrTun.
func NewTunnel(p netsim.Path, seed uint64) (*Cable, error) {
	c, err := newMachines()
	if err != nil {
		return nil, err
	}
	var ends [2]int
	for i, m := range []*Namespace{c.A, c.B} {
		if ends[i], err = m.tun(); err == nil {
			err = m.ip(
				fmt.Sprintf("link set %s mtu %d txqueuelen 10000", device, mtu),
				fmt.Sprintf("address add 10.77.%d.2 peer 10.77.%d.2 dev %s", i+1, 2-i, device),
				fmt.Sprintf("link set %s up", device))
		}
		if err != nil {
			for _, fd := range ends[:i] {
				unix.Close(fd)
			}
			c.Close()
			return nil, err
		}
	}
	c.tunnel, err = tunnel.New(ends[0], ends[1], p, seed)
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// tun makes the machine's device one whose packets are read from and written to a file, and opens that.
func (n *Namespace) tun() (fd int, err error) {
	err = n.Do(func() error {
		fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("%w (%w)", ErrTun, err)
		}
		request, err := unix.NewIfreq(device)
		if err != nil {
			return err
		}
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
			unix.Close(fd)
			return fmt.Errorf("%w (%w)", ErrTun, err)
		}
		return nil
	})
	return fd, err
}

// Sent returns what each machine has sent.
func (c *Cable) Sent() (a, b Traffic, err error) {
	if a, err = c.A.traffic(device); err != nil {
		return a, b, err
	}
	if b, err = c.B.traffic(device); err != nil || c.tunnel != nil {
		return a, b, err
	}
	a.Bytes -= ethernet * a.Packets
	b.Bytes -= ethernet * b.Packets
	return a, b, err
}

// CPU is how much CPU time of this process the cable has taken so far.
func (c *Cable) CPU() time.Duration {
	if c.tunnel == nil {
		return 0
	}
	return c.tunnel.CPU()
}

// Close unplugs the cable and lets go of the machines. What still runs on them keeps its own.
func (c *Cable) Close() error {
	if c.tunnel != nil {
		c.tunnel.Close()
	}
	return errors.Join(c.router.close(), c.A.close(), c.B.close())
}
