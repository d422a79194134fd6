package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/datagram"
	"udpcam/internal/v4l2"
	"udpcam/protocol"
	"udpcam/sender/source"
)

func doctorCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "doctor",
		Usage:     "look whether this machine is fit to send and receive, and say what mends it",
		UsageText: "udpcam doctor [--addr HOST] [--json]",
		Description: cmdline.Examples(
			"udpcam doctor", "everything but the way to another machine",
			"udpcam doctor --addr 192.168.1.20", "that too: which size of packets gets there",
		) + "\nWhat is bad keeps something from working, and makes the exit code 1; what is worth a note does not.\n",
		Action: doctor,
	},
		cmdline.Flags("What", &cli.StringSliceFlag{Name: "addr", Usage: "look at the way to this receiver too (`HOST[:PORT]`, repeatable)"}),
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
	note state = "note" // it works, but could be better, or is only missing
	bad  state = "bad"
)

// doctor is udpcam doctor.
func doctor(c *cli.Context) error {
	findings := slices.Concat(checkSystem(), []finding{checkMulticast(c.Context)})
	for _, text := range cmdline.List(c, "addr") {
		addr, err := addressOf(text)
		if err != nil {
			return err
		}
		findings = append(findings, checkPath(addr))
	}
	findings = append(findings, checkCameras(source.Cameras())...)
	findings = append(findings, checkOpenCV())

	if c.Bool("json") {
		encoder := json.NewEncoder(c.App.Writer)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(findings); err != nil {
			return err
		}
	} else if err := printFindings(c.App.Writer, findings); err != nil {
		return err
	}
	n := 0
	for _, f := range findings {
		if f.State == bad {
			n++
		}
	}
	if n > 0 {
		return fmt.Errorf("%s to be mended", plural(n, "thing"))
	}
	return nil
}

func printFindings(w io.Writer, findings []finding) error {
	width := cmdline.UsualWidth
	if columns, ok := cmdline.TerminalWidth(w); ok {
		width = max(columns, cmdline.NarrowWidth)
	}
	var b strings.Builder
	for _, f := range findings {
		lines := cmdline.Wrap(f.Found, width-25)
		fmt.Fprintf(&b, "%-4s  %-17s  %s\n", f.State, f.What, lines[0])
		for _, line := range lines[1:] {
			fmt.Fprintf(&b, "%25s%s\n", "", line)
		}
		for _, command := range f.Mend {
			fmt.Fprintf(&b, "%25s> %s\n", "", command)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// fits is the largest segment whose datagrams fit packets of mtu bytes, 0 if there is none: a multiple of 64, as the
// default is, behind as many bytes of headers as that leaves in 1500.
func fits(mtu int) int {
	const headers, usual = 1500 - protocol.DefaultSegmentSize, 1500
	return max(0, min(mtu, usual)-headers) / 64 * 64
}

// checkPath looks at the way to a receiver.
func checkPath(addr string) finding {
	f := finding{What: "way to " + addr}
	conn, err := net.Dial("udp", addr)
	if err != nil {
		f.State, f.Found = bad, err.Error()
		if errors.Is(err, errUnreachable) {
			f.Mend = []string{"ip route get " + hostOf(addr)}
		}
		return f
	}
	defer conn.Close()
	mtu, err := pathMTU(conn.(*net.UDPConn))
	f.Found = fmt.Sprintf("from %s", hostOf(conn.LocalAddr().String()))
	switch {
	case err != nil:
		f.State = note
		f.Found += "; this system does not say which size of packets gets there"
	case mtu >= 1500:
		f.State = good
		f.Found += fmt.Sprintf(", packets of %d bytes", mtu)
	case fits(mtu) == 0:
		f.State = bad
		f.Found += fmt.Sprintf(", packets of %d bytes, which are too small", mtu)
	default:
		f.State = bad
		f.Found += fmt.Sprintf(", packets of %d bytes: larger ones are cut up, and lost whole if a piece is", mtu)
		f.Mend = []string{fmt.Sprintf("udpcam send --addr %s --segment %d", addr, fits(mtu))}
	}
	return f
}

func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

// multicastTest is a group that nobody else is likely to use (RFC 2365, organization-local).
const multicastTest = "239.255.77.77:0"

// checkMulticast sends a datagram to a group and sees whether it comes back.
func checkMulticast(ctx context.Context) finding {
	f := finding{What: "multicast", State: good, Found: "what is sent to a group comes back to this machine"}
	if err := tryMulticast(ctx); err != nil {
		f.State, f.Found = note, "what is sent to a group does not come back: "+err.Error()
		if iface := multicastInterface(); iface != "" {
			f.Mend = []string{"sudo ip route add 239.0.0.0/8 dev " + iface}
		}
	}
	return f
}

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
	if err := from.Send(group, [][2][]byte{{[]byte("udpcam"), nil}}); err != nil {
		return err
	}
	to.SetReceiveDeadline(time.Now().Add(time.Second))
	_, err = to.Receive()
	return err
}

// multicastInterface is a network interface that could carry multicast, "" if there is none.
func multicastInterface() string {
	all, err := net.Interfaces()
	if err != nil {
		return ""
	}
	for _, i := range all {
		if i.Flags&(net.FlagMulticast|net.FlagUp|net.FlagLoopback) == net.FlagMulticast|net.FlagUp {
			return i.Name
		}
	}
	return ""
}

// checkCameras says which cameras there are and what keeps them from being used.
func checkCameras(cameras []source.CameraInfo) (findings []finding) {
	if len(cameras) == 0 {
		f := finding{What: "cameras", State: note, Found: "there is none; test: is a picture without one"}
		if !v4l2.Supported {
			f.Found = "on this system only OpenCV knows: try --source opencv:0"
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
			f.Found += ", whose pictures are encoded here"
		default:
			f.Found += ", whose JPEGs are sent as they are"
		}
		findings = append(findings, f)
	}
	return findings
}

func checkOpenCV() finding {
	f := finding{What: "OpenCV", State: good, Found: source.OpenCVVersion()}
	if f.Found == "" {
		f.State, f.Found = note, "not built in, so there is no recv --show and no source opencv:"
		f.Mend = []string{"sudo apt-get install -y g++ pkg-config libopencv-dev",
			"go build -tags gocv,gocv_specific_modules,gocv_highgui,gocv_videoio -o udpcam ./cmd/udpcam"}
	}
	return f
}
