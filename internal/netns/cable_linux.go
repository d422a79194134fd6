package netns

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"udpcam/internal/netsim"
)

// device is the name of each machine's network device.
const device = "cable"

const mtu = 1500

// ethernet is the size in bytes of the header that a veth and tc count. A tun device has no such header.
const ethernet = 14

// A Cable is two machines and the network between them.
type Cable struct {
	A, B *Namespace

	router *Namespace // with netem
	tunnel *tunnel    // with tun
}

// NewCable returns two machines with a router between them that runs netem, and tbf behind it, in both directions. For the
// arguments see [netsim.ParseNetem]. The error wraps ErrRoot, ErrNetem or ErrArguments.
func NewCable(netem string) (*Cable, error) {
	return newCable(func(c *Cable) (err error) {
		if c.router, err = newNamespace(); err != nil {
			return err
		}
		err = c.router.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) })
		for i, m := range c.machines() {
			if err == nil {
				err = c.connect(m, i+1, netem)
			}
		}
		return err
	})
}

// newCable makes two machines and has wire connect them.
func newCable(wire func(*Cable) error) (c *Cable, err error) {
	c = &Cable{}
	if c.A, err = newNamespace(); err == nil {
		if c.B, err = newNamespace(); err == nil {
			err = wire(c)
		}
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Cable) machines() []*Namespace { return []*Namespace{c.A, c.B} }

// connect plugs machine 1 or 2 into the router.
func (c *Cable) connect(m *Namespace, number int, netem string) error {
	port := port(number)
	// gso_max_segs makes every packet cross by itself, as on a real network. Without it a veth passes many in one.
	// The neighbours are set in advance, so that the first packets need not wait for address resolution.
	return errors.Join(
		c.router.ip(
			fmt.Sprintf("link add name %s mtu %d txqueuelen 10000 address 02:77:00:00:0%d:01 type veth "+
				"peer name %s mtu %d txqueuelen 10000 address 02:77:00:00:0%d:02", port, mtu, number, device, mtu, number),
			fmt.Sprintf("link set %s netns /proc/%d/fd/%d", device, os.Getpid(), m.file.Fd()),
			fmt.Sprintf("address add 10.77.%d.1/24 dev %s", number, port),
			fmt.Sprintf("link set %s gso_max_segs 1 up", port),
			fmt.Sprintf("neigh replace 10.77.%d.2 lladdr 02:77:00:00:0%d:02 dev %s", number, number, port)),
		m.ip(
			fmt.Sprintf("address add 10.77.%d.2/24 dev %s", number, device),
			fmt.Sprintf("link set %s gso_max_segs 1 up", device),
			fmt.Sprintf("neigh replace 10.77.%d.1 lladdr 02:77:00:00:0%d:01 dev %s", number, number, device),
			fmt.Sprintf("route add 10.77.%d.0/24 via 10.77.%d.1", 3-number, number)),
		c.router.queue("add", port, netem))
}

// port returns the name of the router's device for a machine, 1 or 2.
func port(machine int) string { return fmt.Sprintf("port%d", machine) }

// NewDirect returns two machines with nothing but a cable between them. The error is ErrRoot.
func NewDirect() (*Cable, error) {
	return newCable(func(c *Cable) error {
		mac := func(machine int) string { return fmt.Sprintf("02:77:00:00:00:0%d", machine) }
		end := func(own, other int) string {
			return fmt.Sprintf("address add 10.77.%d.2 peer 10.77.%d.2 dev %s\n", own, other, device) +
				fmt.Sprintf("link set %s gso_max_segs 1 up\n", device) +
				fmt.Sprintf("neigh replace 10.77.%d.2 lladdr %s dev %s", other, mac(other), device)
		}
		return errors.Join(
			c.A.ip(
				fmt.Sprintf("link add name %s mtu %d address %s type veth ", device, mtu, mac(1))+
					fmt.Sprintf("peer name other mtu %d address %s", mtu, mac(2)),
				fmt.Sprintf("link set other netns /proc/%d/fd/%d", os.Getpid(), c.B.file.Fd()),
				end(1, 2)),
			c.B.ip("link set other name "+device, end(2, 1)))
	})
}

// NewTunnel returns two machines between which this process carries packets along a path. The error is ErrRoot or ErrTun.
func NewTunnel(p netsim.Path, seed uint64) (*Cable, error) {
	return newCable(func(c *Cable) (err error) {
		var ends []int
		for i, m := range c.machines() {
			fd, err := m.tun()
			if err == nil {
				ends = append(ends, fd)
				err = m.ip(
					fmt.Sprintf("link set %s mtu %d txqueuelen 10000", device, mtu),
					fmt.Sprintf("address add 10.77.%d.2 peer 10.77.%d.2 dev %s", i+1, 2-i, device),
					fmt.Sprintf("link set %s up", device))
			}
			if err != nil {
				for _, fd := range ends {
					unix.Close(fd)
				}
				return err
			}
		}
		c.tunnel, err = newTunnel(ends[0], ends[1], p, seed)
		return err
	})
}

// Change changes the network in both directions for packets sent from now on. On a router the arguments must use the same
// parts as before: netem, tbf or both.
func (c *Cable) Change(netem string) error {
	if c.tunnel != nil {
		p, err := netsim.ParseNetem(netem)
		if err == nil {
			c.tunnel.setPath(p)
		}
		return err
	}
	return errors.Join(c.router.queue("change", port(1), netem), c.router.queue("change", port(2), netem))
}

// tun makes the machine's device a tun device and opens the file for its packets.
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

// CPU returns how much CPU time of this process the cable has used so far.
func (c *Cable) CPU() time.Duration {
	if c.tunnel == nil {
		return 0
	}
	return time.Duration(c.tunnel.cpu.Load())
}

// Close unplugs the cable and releases the machines. Processes that still run keep their machine alive.
func (c *Cable) Close() error {
	if c.tunnel != nil {
		c.tunnel.close()
	}
	return errors.Join(c.router.close(), c.A.close(), c.B.close())
}
