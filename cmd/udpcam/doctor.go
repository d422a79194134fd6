package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/datagram"
	"udpcam/internal/v4l2"
	"udpcam/protocol"
	"udpcam/protocol/discovery"
	"udpcam/sender/source"
)

func doctorCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "doctor",
		Usage:     "check whether this machine is fit to send and receive, and say what to mend",
		UsageText: "udpcam doctor [--addr HOST] [--json]",
		Description: cmdline.Examples(
			"udpcam doctor", "everything but the way to another machine",
			"udpcam doctor --addr 192.168.1.20", "also the way to this machine, and which packets fit",
		) + "\nbad: something does not work, and the exit code is 1. note: it works, but could be better.\n",
		Action: doctor,
	},
		cmdline.Flags("What", &cli.StringSliceFlag{Name: "addr",
			Usage: "also check the way to this receiver (`HOST[:PORT]`, repeatable)"}),
		keyFlags("also check this key (repeatable)"),
		cmdline.Flags("Output", &cli.BoolFlag{Name: "json", Usage: "write an array of objects"}),
	)
}

// A finding is what the doctor says about one thing.
type finding struct {
	What  string   `json:"what"`
	State state    `json:"state"`
	Found string   `json:"found"`
	Mend  []string `json:"mend,omitempty"` // what to do, a command on each line
}

type state string

const (
	good state = "ok"
	note state = "note" // it works but could be better, or not everybody needs it
	bad  state = "bad"
)

func doctor(c *cli.Context) error {
	keys, err := keysOf(c)
	if err != nil {
		return err
	}
	findings := append(checkSystem(), checkMulticast(c.Context), checkKeys(keys, readableKeyFiles(c)))
	for _, text := range cmdline.List(c, "addr") {
		addr, err := addressOf("addr", text)
		if err != nil {
			return err
		}
		findings = append(findings, checkPath(addr))
	}
	findings = append(findings, checkDiscovery(c.Context)...)
	findings = append(findings, checkCameras(source.Cameras())...)
	findings = append(findings, checkOpenCV())

	write := writeFindings
	if c.Bool("json") {
		write = writeJSON
	}
	if err := write(c.App.Writer, findings); err != nil {
		return err
	}
	n := len(slices.DeleteFunc(findings, func(f finding) bool { return f.State != bad }))
	if n > 0 {
		return fmt.Errorf("%s to be mended", plural(n, "thing"))
	}
	return nil
}

// checkDiscovery says what keeps cameras from being found, here or from here. Nothing of it is bad: typed addresses need no
// discovery.
func checkDiscovery(ctx context.Context) (findings []finding) {
	n := lookAtNetwork(ctx, "")
	var found []discovery.Found
	found, n.heard, n.failed = search(ctx, "", time.Second)
	n.found = len(elsewhere(found))
	for _, f := range checkNetwork(n) {
		if f.State == bad {
			f.State = note
		}
		findings = append(findings, f)
	}
	if len(found) > 0 {
		findings = append(findings, finding{"find", good, plural(len(found), "stream") + " found; udpcam find lists them", nil})
	}
	return findings
}

func writeJSON[T any](w io.Writer, list []T) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(list)
}

func writeFindings(w io.Writer, findings []finding) error {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(cmdline.Hang(fmt.Sprintf("%-4s  %-17s  ", f.State, f.What), f.Found, cmdline.Width(w)))
		for _, command := range f.Mend {
			fmt.Fprintf(&b, "%25s> %s\n", "", command)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// checkKeys says whether streams are sealed. Readable are the files of keys that others can read.
func checkKeys(keys []protocol.Key, readable []string) finding {
	if len(keys) == 0 {
		return finding{"key", note, "there is no key: everybody on the network can watch, and can send pictures. " +
			"Give send and recv the same --key-file", []string{"(umask 077; udpcam key >udpcam.key)"}}
	}
	f := finding{What: "key", State: good, Found: "streams are sealed with " + keys[0].String()}
	for _, k := range keys[1:] {
		f.Found += ", " + k.String()
	}
	for _, name := range readable {
		f.State = note
		f.Mend = append(f.Mend, "chmod 600 "+name+"   # others on this machine can read it")
	}
	return f
}

// fits returns the largest segment whose datagrams fit packets of mtu bytes, 0 if there is none. Like the default, it is a
// multiple of 64, and leaves room for the same headers.
func fits(mtu int) int {
	const headers, usual = 1500 - protocol.DefaultSegmentSize, 1500
	return max(0, min(mtu, usual)-headers) / 64 * 64
}

// checkPath checks the way to a receiver.
func checkPath(addr string) finding {
	f := finding{What: "way to " + addr, State: bad}
	conn, err := net.Dial("udp", addr)
	if err != nil {
		f.Found = err.Error()
		if runtime.GOOS == "linux" && errors.Is(err, syscall.ENETUNREACH) {
			host, _, _ := net.SplitHostPort(addr)
			f.Mend = []string{"ip route get " + host}
		}
		return f
	}
	defer conn.Close()
	mtu, err := pathMTU(conn.(*net.UDPConn))
	from := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
	f.Found = fmt.Sprintf("from %v, packets of %d bytes", from, mtu)
	switch {
	case err != nil:
		f.State = note
		f.Found = fmt.Sprintf("from %v; this system does not say which size of packets gets there", from)
	case mtu >= 1500:
		f.State = good
	case fits(mtu) == 0:
		f.Found += ", which are too small"
	default:
		f.Found += ": larger ones are cut up, and lost whole if a piece is lost"
		f.Mend = []string{fmt.Sprintf("udpcam send --addr %s --segment %d", addr, fits(mtu))}
	}
	return f
}

// checkMulticast sends a datagram to a group and checks whether it comes back.
func checkMulticast(ctx context.Context) finding {
	err := tryMulticast(ctx)
	if err == nil {
		return finding{"multicast", good, "what is sent to a group comes back to this machine", nil}
	}
	f := finding{"multicast", note, "what is sent to a group does not come back: " + err.Error(), nil}
	all, _ := net.Interfaces()
	if i := slices.IndexFunc(all, func(i net.Interface) bool {
		return i.Flags&(net.FlagMulticast|net.FlagUp|net.FlagLoopback) == net.FlagMulticast|net.FlagUp
	}); i >= 0 {
		f.Mend = []string{"sudo ip route add 239.0.0.0/8 dev " + all[i].Name}
	}
	return f
}

// multicastTest is a group that nobody else is likely to use (RFC 2365, organization-local).
const multicastTest = "239.255.77.77:0"

func tryMulticast(ctx context.Context) error {
	to, err := datagram.Listen(ctx, multicastTest, datagram.Options{})
	if err != nil {
		return err
	}
	defer to.Close()
	group := netip.AddrPortFrom(netip.MustParseAddrPort(multicastTest).Addr(), to.LocalAddr().Port())
	from, err := datagram.Open(ctx, group.Addr(), datagram.Options{})
	if err != nil {
		return err
	}
	defer from.Close()
	if err := from.Send(group, []protocol.Datagram{{[]byte("udpcam"), nil}}); err != nil {
		return err
	}
	to.SetReceiveDeadline(time.Now().Add(time.Second))
	_, err = to.Receive()
	return err
}

// checkCameras says which cameras there are, and what keeps them from being used.
func checkCameras(cameras []source.CameraInfo) (findings []finding) {
	if len(cameras) == 0 {
		f := finding{"cameras", note, "no camera was found; --source test: needs none", nil}
		if !v4l2.Supported {
			f.Found = "on this system only OpenCV can find cameras: try --source opencv:0"
		}
		return []finding{f}
	}
	for _, c := range cameras {
		f := finding{What: "camera", State: good, Found: strings.TrimSpace(c.Path + " " + c.Name)}
		switch group := v4l2.Group(c.Path); {
		case c.Problem != "" && c.Name == "" && group != "" && group != "root": // it does not open
			f.State, f.Found = bad, c.Path+" is for members of the group "+group
			f.Mend = []string{"sudo usermod -aG " + group + " $USER   # then log in again"}
		case c.Problem != "" && c.Name == "":
			f.State, f.Found = bad, c.Problem
		case c.Problem != "":
			f.State, f.Found = note, f.Found+": "+c.Problem
		case !c.Usable:
			f.State, f.Found = note, f.Found+": it has no format that can be sent as JPEG"
		case !slices.ContainsFunc(c.Formats, func(f source.CameraFormat) bool { return f.JPEG }):
			f.Found += ": its pictures are encoded here"
		default:
			f.Found += ": its JPEGs are sent as they are"
		}
		findings = append(findings, f)
	}
	return findings
}

func checkOpenCV() finding {
	if version := source.OpenCVVersion(); version != "" {
		return finding{"OpenCV", good, version, nil}
	}
	return finding{"OpenCV", note, "not built in, so there is no recv --show and no source opencv:", []string{
		"sudo apt-get install -y g++ pkg-config libopencv-dev",
		"go build -tags gocv,gocv_specific_modules,gocv_highgui,gocv_videoio -o udpcam ./cmd/udpcam",
	}}
}
