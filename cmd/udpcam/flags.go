package main

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/receiver/web"
)

// command completes a subcommand, as [cmdline.Command] does.
func command(c *cli.Command, groups ...[]cli.Flag) *cli.Command {
	c = cmdline.Command(c, groups...)
	c.BashComplete = complete
	before := c.Before
	c.Before = func(c *cli.Context) error {
		if !c.Bool("show") {
			// For windows, the main goroutine is locked to the process's first thread, which makes it slower to wake.
			runtime.UnlockOSThread()
		}
		if err := before(c); err != nil {
			return err
		}
		return checkFlags(c)
	}
	return c
}

// checkFlags checks flags that can be judged alone. No command has all of them.
func checkFlags(c *cli.Context) error {
	if _, err := levelOf(c); err != nil {
		return cmdline.Usagef("--log-level %q: choose debug, info, warn or error", c.String("log-level"))
	}
	if _, err := protocol.ParseWire(c.String("wire")); err != nil {
		return cmdline.Usagef("--wire: %w", err)
	}
	for _, name := range []string{"deadline", "linger", "patience", "snapshot-every"} {
		if d := c.Duration(name); c.IsSet(name) && d <= 0 {
			return cmdline.Usagef("--%s %v: give a time above 0, such as 10s", name, d)
		}
	}
	if n := c.Int("quality"); c.IsSet("quality") && (n < 1 || n > 100) {
		return cmdline.Usagef("--quality %d: give 1 to 100", n)
	}
	if n := c.Float64("fps"); c.IsSet("fps") && !(n > 0) {
		return cmdline.Usagef("--fps %v: give a number above 0, such as 15 or 0.2", n)
	}
	if n := c.Int("frames"); n < 0 {
		return cmdline.Usagef("--frames %d: give 1 or more, or 0 for no end", n)
	}
	for _, name := range []string{"max-viewers", "max-pixels"} {
		if n := c.Int(name); c.IsSet(name) && n < 1 {
			return cmdline.Usagef("--%s %d: give 1 or more", name, n)
		}
	}
	if n := c.Int("ttl"); c.IsSet("ttl") && (n < 1 || n > 255) {
		return cmdline.Usagef("--ttl %d: give 1 to 255", n)
	}
	return nil
}

// Flags that several subcommands have. Each call makes new ones, because a flag keeps the value it was set to.

func oneSource(usual string) cli.Flag {
	return &cli.StringFlag{Name: "source", Usage: "where pictures come from (`SOURCE`)", DefaultText: usual, TakesFile: true}
}

func sourceFlags(which cli.Flag) []cli.Flag {
	return slices.Concat(cmdline.Flags("Source",
		which,
		&cli.Float64Flag{Name: "fps", Usage: "pictures a second (`N`), if the source can change it",
			DefaultText: "its own, or 30"},
		&cli.StringFlag{Name: "size", Usage: "picture size (`WxH`) in pixels; a camera uses its nearest size",
			DefaultText: "1280x720"},
		&cli.StringFlag{Name: "format", Usage: "a camera's `FORMAT`: mjpeg, raw, or one that udpcam cameras lists",
			DefaultText: "the nearest to size and rate, mjpeg first"},
		&cli.IntFlag{Name: "quality", DefaultText: "80",
			Usage: "JPEG quality (`N`), 1 to 100, if udpcam encodes the pictures or the camera can change it"},
		&cli.StringSliceFlag{Name: "control", Usage: "set a camera's control (`SETTING`), such as auto_exposure=1 (repeatable)"},
		&cli.IntFlag{Name: "rotate", Usage: "turn pictures clockwise by 90, 180 or 270 `DEGREES`, without loss"},
		&cli.StringFlag{Name: "flip",
			Usage: "mirror pictures (`H|V`), without loss: h exchanges left and right, v top and bottom"},
		&cli.StringFlag{Name: "text", Usage: "write `TEXT` into pictures that udpcam encodes, such as 'Door %F %T'"},
		&cli.IntFlag{Name: "drop-same", Usage: "do not send a picture that equals the one before, up to `N` times in a row"},
		&cli.BoolFlag{Name: "loop", Usage: "start files and folders again when they end"},
		&cli.BoolFlag{Name: "follow",
			Usage: "take a folder's newest picture, and each new one as it comes; or a file as it is replaced"},
	), ipCameraFlags())
}

// ipCameraOnly are flags for sources over HTTP alone.
var ipCameraOnly = []string{"patience", "header", "pin", "insecure", "old-tls"}

func ipCameraFlags() []cli.Flag {
	return cmdline.Flags("IP cameras",
		&cli.DurationFlag{Name: "patience", Usage: "ask again, or give up, when no picture has come for this `TIME`",
			DefaultText: "10s; more after a slow picture, and for the first"},
		&cmdline.ListFlag{GenericFlag: cli.GenericFlag{Name: "header", Usage: "send this `FIELD` with each request, " +
			"such as 'Authorization: Bearer TOKEN' (repeatable)"}},
		&cli.StringSliceFlag{Name: "pin", Usage: "trust the certificate with this `FINGERPRINT` and no other: sha256: and " +
			"64 digits, which the error without it shows (repeatable)"},
		&cli.BoolFlag{Name: "insecure", Usage: "trust any certificate: whoever is on the network between can see all"},
		&cli.BoolFlag{Name: "old-tls", Usage: "also speak TLS 1.0 and old ciphers, which can be broken"},
	)
}

func httpFlags(usual string) []cli.Flag {
	return cmdline.Flags("HTTP",
		&cli.StringFlag{Name: "http", Value: usual,
			Usage: "serve browsers at `ADDR`: :8080 for this machine alone, 0.0.0.0:8080 for everyone"},
		&cli.BoolFlag{Name: "qr", Usage: "also draw the page's address as a QR code, for phones; with the token, if there is one"},
		&cli.StringFlag{Name: "html", Usage: "show this `FILE` instead of the built-in page", TakesFile: true},
		allowHostFlag(),
		&cli.StringSliceFlag{Name: "allow-origin", Usage: "let pages of another site (`ORIGIN`), such as https://example.org, " +
			"show the pictures or the page (repeatable)"},
		&cli.StringSliceFlag{Name: "trust-proxy", Usage: "believe what the proxy at `ADDR`, or in a network such as 10.0.0.0/8, " +
			"tells of its clients in X-Forwarded-For (repeatable)"},
		&cli.StringFlag{Name: "auth", Usage: "ask clients for this `USER:PASSWORD`"},
		&cli.StringFlag{Name: "token", Usage: "let in everyone who has this `TOKEN` too: http://…/?token=TOKEN"},
		&cli.StringFlag{Name: "tls-cert", Usage: "serve https with the certificate in this `FILE` (PEM)", TakesFile: true},
		&cli.StringFlag{Name: "tls-key", Usage: "the certificate's private key is in this `FILE` (PEM)", TakesFile: true},
		&cli.StringFlag{Name: "datagrams", Usage: "the UDP port (`[ADDR:]PORT`) from which pages get their pictures where the " +
			"network loses packets, or off", DefaultText: "the port of --http"},
		&cli.IntFlag{Name: "max-viewers", Usage: "how many (`N`) may watch at once", Value: web.DefaultMaxViewers},
	)
}

func allowHostFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "allow-host", Usage: "also answer to this host `NAME` (repeatable)"}
}

func maxPixelsFlag(usage string) cli.Flag {
	return &cli.IntFlag{Name: "max-pixels", Usage: usage, DefaultText: "33554432, 8K"}
}

func runningFlags() []cli.Flag {
	return cmdline.Flags("While it runs",
		&cli.BoolFlag{Name: "json", Usage: "write one JSON object a second to standard output"},
		&cli.StringFlag{Name: "log-level", Usage: "log from this `LEVEL` up: debug, info, warn, error", Value: defaultLevel},
	)
}

func wireFlag() cli.Flag {
	return &cli.StringFlag{Name: "wire", Usage: "the protocol (`WIRE`): " + string(protocol.WireV1) + ", or " +
		string(protocol.WireClassic) + " to talk to existing scripts", Value: string(protocol.WireV1)}
}

func interfaceFlag() cli.Flag {
	return &cli.StringFlag{Name: "interface", Usage: "network interface (`NAME`) for multicast",
		DefaultText: "the system's choice"}
}

func feedbackFlag(usage string) cli.Flag {
	return &cli.BoolFlag{Name: "feedback", Usage: usage + "; --feedback=false for one-way networks", Value: true}
}

func framesFlag() cli.Flag {
	return &cli.IntFlag{Name: "frames", Usage: "stop after `N` frames", DefaultText: "never"}
}

// interfaceOf returns the network interface of --interface, or nil without the flag.
func interfaceOf(c *cli.Context) (*net.Interface, error) {
	name := c.String("interface")
	if name == "" {
		return nil, nil
	}
	iface, err := net.InterfaceByName(name)
	if err == nil {
		return iface, nil
	}
	names := ""
	all, _ := net.Interfaces()
	for _, i := range all {
		names += " " + i.Name
	}
	return nil, fmt.Errorf("there is no network interface %q: choose one of%s", name, names)
}

// networkOf returns a network that was given as CIDR, or as one address.
func networkOf(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Unmap().WithZone("").Prefix(addr.Unmap().BitLen())
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err
}

// addressOf returns an address that was given to a flag, with the default port if it has none.
func addressOf(flag, text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = strings.Trim(text, "[]"), strconv.Itoa(protocol.DefaultPort)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", cmdline.Usagef("--%s %q: the port has to be a number up to 65535", flag, text)
	}
	if _, err := strconv.Atoi(host); err == nil {
		return "", cmdline.Usagef("--%s %q: that is no address; give HOST:PORT, or :PORT to listen on", flag, text)
	}
	return net.JoinHostPort(host, port), nil
}
