package main_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"udpcam/protocol"
	"udpcam/protocol/discovery"
)

// announceHere is set in processes that announce streams instead of testing.
const announceHere = "UDPCAM_TEST_ANNOUNCE"

// TestAnnouncing is no test: it is what announce starts.
func TestAnnouncing(t *testing.T) {
	text := os.Getenv(announceHere)
	if text == "" {
		return
	}
	var services []discovery.Service
	if err := json.Unmarshal([]byte(text), &services); err != nil {
		t.Fatal(err)
	}
	ctx, end := signal.NotifyContext(t.Context(), os.Interrupt)
	defer end()
	here, err := discovery.Announce(context.Background(), discovery.Config{}, services...)
	if err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	here.Close()
}

// announce announces streams on the machine, until the process is stopped.
func (m machine) announce(t *testing.T, services ...discovery.Service) *process {
	t.Helper()
	text, err := json.Marshal(services)
	if err != nil {
		t.Fatal(err)
	}
	cmd := m.command(os.Args[0], "-test.run", "^TestAnnouncing$")
	cmd.Env = append(os.Environ(), announceHere+"="+string(text))
	return start(t, cmd)
}

// A search is what find --json writes.
type search struct {
	Streams []struct {
		Name, Instance, Host, Interface string
		Addrs                           []string
		Sealed, Yours                   bool
		Width                           int
	}
	Others int
	Checks []struct {
		What, State, Found string
		Mend               []string
	}
}

// names are the instance names of what was found.
func (s search) names() (names []string) {
	for _, is := range s.Streams {
		names = append(names, is.Instance)
	}
	return names
}

// mend returns the first command for what is said of something.
func (s search) mend(what, found string) string {
	for _, c := range s.Checks {
		if c.What == what && strings.Contains(c.Found, found) && len(c.Mend) > 0 {
			return c.Mend[0]
		}
	}
	return ""
}

// find runs udpcam find on the machine.
func (m machine) find(t *testing.T, args ...string) (s search) {
	t.Helper()
	p := m.udpcam(t, append([]string{"find", "--json"}, args...)...)
	<-p.done
	if err := json.Unmarshal(p.stdout.Bytes(), &s); err != nil {
		t.Fatalf("%v\n%s%s", err, p.stdout.String(), p.stderr.String())
	}
	if code := p.cmd.ProcessState.ExitCode(); (code == 0) != (len(s.Streams) > 0) {
		t.Errorf("exit code %d with %d streams: %s", code, len(s.Streams), p.stderr.String())
	}
	return s
}

// findsOnly waits until find finds just these.
func (m machine) findsOnly(t *testing.T, names ...string) (s search) {
	t.Helper()
	until(t, "find finds "+strings.Join(names, " and "), func() bool {
		s = m.find(t, "--wait", "700ms") // it is called again and again
		return slices.Equal(s.names(), names)
	})
	return s
}

// A stream is found with all that is to be known, and after its goodbye it is not. Then find says what may be wrong.
func TestE2ENetnsFind(t *testing.T) {
	left, right := cable(t)
	key := protocol.NewKey()
	here := left.announce(t, discovery.Service{Name: "front door é", Port: 5000, Width: 640, Height: 480, Sealed: true, Key: key.ID()})
	right.findsOnly(t, "front door é")
	s := right.find(t, "--key", key.Text(), "--interface", "cable").Streams[0]
	if s.Addrs[0] != "10.77.0.1:5000" || !slices.Contains(s.Addrs, "[fd77::1]:5000") || !s.Yours || s.Width != 640 || s.Interface != "cable" {
		t.Errorf("found %+v", s)
	}
	table := right.run(t, udpcamCommand(t).Path, "find")
	for _, want := range []string{"front door é", "10.77.0.1:5000", "640x480", key.ID().String(), "recv --from 'front door é'", "--key-file"} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in\n%s", want, table)
		}
	}
	here.stop(t)
	p := right.udpcam(t, "find", "--wait", "300ms")
	p.ends(t, 1)
	if out := p.stdout.String(); !strings.Contains(out, "asked on") || !strings.Contains(out, "10.77.0.2/24") || !strings.Contains(out, "recv --from ADDRESS") {
		t.Errorf("nothing is explained:\n%s", out)
	}
}

// Streams of one name are told apart.
func TestE2ENetnsFindTwo(t *testing.T) {
	left, right := cable(t)
	left.announce(t, discovery.Service{Name: "cam", Port: 1})
	right.findsOnly(t, "cam")
	right.announce(t, discovery.Service{Name: "cam", Port: 2})
	s := left.findsOnly(t, "cam", "cam (2)")
	if a, b := s.Streams[0], s.Streams[1]; a.Addrs[0] != "10.77.0.1:1" || b.Addrs[0] != "10.77.0.2:2" || a.Name != "cam" || b.Name != "cam" {
		t.Errorf("found %+v", s.Streams)
	}
}

// A machine with nothing but its loopback interface finds its own streams.
func TestE2ENetnsFindAlone(t *testing.T) {
	alone := newMachine(t, 1, exec.Command("unshare", "--net", "sh", "-c", "ip link set lo up; echo; exec sleep infinity"))
	alone.announce(t, discovery.Service{Name: "own", Port: 7})
	if s := alone.findsOnly(t, "own"); s.Streams[0].Addrs[0] != "127.0.0.1:7" {
		t.Errorf("found %+v", s.Streams)
	}
}

// A network without IPv4 will do, also with addresses that are valid on one link only.
func TestE2ENetnsFindIPv6(t *testing.T) {
	left, right := cable(t)
	for i, m := range []machine{left, right} {
		m.run(t, "ip", "address", "flush", "dev", "cable")
		m.run(t, "ip", "address", "add", []string{"fe80::1/64", "fe80::2/64"}[i], "dev", "cable", "nodad")
	}
	left.announce(t, discovery.Service{Name: "cam", Port: 7})
	if s := right.findsOnly(t, "cam"); s.Streams[0].Addrs[0] != "[fe80::1%cable]:7" {
		t.Errorf("found %+v", s.Streams)
	}
}

// A camera that starts without a network is found once there is one, also when its interface is replaced.
func TestE2ENetnsFindLater(t *testing.T) {
	left, right := cable(t)
	left.run(t, "ip", "link", "delete", "cable")
	left.announce(t, discovery.Service{Name: "cam", Port: 7})
	for range 2 {
		plug(t, left, right)
		right.findsOnly(t, "cam")
		left.run(t, "ip", "link", "delete", "cable")
	}
}

// What stands in the way is named, with a command. After that command, the camera is found.
func TestE2ENetnsFindObstacles(t *testing.T) {
	need(t, "nft", "iptables")
	for name, tt := range map[string]struct{ obstacle, what, found string }{
		"nft": {"nft add table inet f; nft add chain inet f in '{ type filter hook input priority 0; }'; " +
			"nft add rule inet f in udp dport 5353 drop", "firewall", "chain in: udp dport 5353 drop"},
		"nft policy": {"nft add table inet f; nft add chain inet f in '{ type filter hook input priority 0; policy drop; }'; " +
			"nft add rule inet f in ct state established,related accept; nft add rule inet f in iifname lo accept",
			"firewall", "(UDP 5353) by nft, table inet f, chain in: policy drop"},
		"nft out": {"nft add table inet f; nft add chain inet f out '{ type filter hook output priority 0; }'; " +
			"nft add rule inet f out udp dport 5353 drop", "firewall", "the question for cameras is dropped"},
		"iptables": {"iptables -A INPUT -p udp --dport 5353 -j DROP; ip6tables -P INPUT DROP", "firewall", "--dport 5353 -j DROP"},
		"iptables policy": {"iptables -A INPUT -i lo -j ACCEPT; iptables -P INPUT DROP; ip6tables -P INPUT DROP", "firewall",
			"(UDP 5353) by iptables, chain INPUT: policy drop"},
		"multicast": {"ip link set cable multicast off", "multicast", "multicast is off on cable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			left, right := cable(t)
			left.announce(t, discovery.Service{Name: "cam", Port: 7})
			right.findsOnly(t, "cam")
			right.run(t, "sh", "-c", tt.obstacle)
			s := right.find(t)
			mend := strings.TrimPrefix(s.mend(tt.what, tt.found), "sudo ")
			total := strings.Contains(name, "policy") || name == "multicast" // else udpcam may find a way around
			if len(s.Streams) > 0 && total || mend == "" {
				t.Fatalf("%q is not named: %+v", tt.found, s)
			}
			right.run(t, "sh", "-c", mend)
			if s = right.findsOnly(t, "cam"); s.mend(tt.what, tt.found) != "" {
				t.Errorf("%q is named still: %+v", tt.found, s)
			}
		})
	}
}

// Another program that has the port of multicast DNS to itself keeps find from hearing announcements, but not from finding.
func TestE2ENetnsFindPortHeld(t *testing.T) {
	need(t, "python3")
	left, right := cable(t)
	left.announce(t, discovery.Service{Name: "cam", Port: 7})
	start(t, right.command("python3", "-c", "import socket, time\nk = []\nfor f in (socket.AF_INET, socket.AF_INET6):\n"+
		" s = socket.socket(f, socket.SOCK_DGRAM)\n if f == socket.AF_INET6: s.setsockopt(41, 26, 1)\n s.bind(('', 5353)); k.append(s)\ntime.sleep(9999)"))
	until(t, "the port is taken", func() bool { return strings.Count(right.run(t, "ss", "-uln"), ":5353") == 2 })
	s := right.findsOnly(t, "cam")
	if s.mend("port 5353", "to itself") == "" {
		t.Errorf("the program is not named: %+v", s.Checks)
	}
}

// avahi, which most Linux desktops run, and udpcam see each other's services. Both have the same port of the same machine.
func TestE2ENetnsFindAvahi(t *testing.T) {
	need(t, "avahi-daemon", "avahi-browse", "avahi-publish", "dbus-daemon")
	left, right := cable(t)
	bus := "unix:path=" + filepath.Join(t.TempDir(), "bus")
	avahi := func(args ...string) *exec.Cmd {
		cmd := left.command(args...)
		cmd.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS="+bus)
		return cmd
	}
	start(t, avahi("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", "mount -t tmpfs none /run && mkdir /run/dbus && "+
		"dbus-daemon --system --nofork --nopidfile --address "+bus+" & sleep 1; mount -t tmpfs none /run; mkdir /run/avahi-daemon; "+
		"exec avahi-daemon --no-drop-root --no-rlimits --no-chroot -f /dev/null"))
	browse := func() string {
		out, _ := avahi("avahi-browse", "-rpt", "_udpcam._udp").Output()
		return string(out)
	}
	until(t, "avahi is there", func() bool { return avahi("avahi-browse", "-pt", "_x._udp").Run() == nil })
	here := left.announce(t, discovery.Service{Name: "our. own", Port: 5000, Width: 640, Height: 480})
	until(t, "avahi finds ours", func() bool {
		return strings.Contains(browse(), `=;cable;IPv4;our\.\032own;_udpcam._udp;local;`) &&
			strings.Contains(browse(), `;10.77.0.1;5000;"`) && strings.Contains(browse(), `"size=640x480"`)
	})
	start(t, avahi("avahi-publish", "-s", "theirs", "_udpcam._udp", "5001", "name=a-very-long-name", "size=320x240"))
	for _, m := range []machine{right, left} { // from another machine, and beside the daemon
		s := m.findsOnly(t, "theirs", "our. own")
		if a := s.Streams[0]; a.Name != "a-very-long-name" || a.Width != 320 || !slices.Contains(a.Addrs, "10.77.0.1:5001") {
			t.Errorf("found %+v", a)
		}
	}
	start(t, avahi("avahi-publish", "-s", "our. own", "_udpcam._udp", "5002")) // a name that we have: avahi takes another
	right.findsOnly(t, "theirs", "our. own", "our. own #2")
	here.stop(t)
	until(t, "avahi hears the goodbye", func() bool { return !strings.Contains(browse(), ";5000;") })
}
