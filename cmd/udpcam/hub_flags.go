package main

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/hubconn"
)

// hubClientFlags are the flags of who connects to a hub.
func hubClientFlags(usage string) []cli.Flag {
	return slices.Concat(cmdline.Flags(
		"Hub",
		&cli.StringSliceFlag{
			Name:  "hub",
			Usage: usage + " (`URL`), such as nats://192.168.1.5 (repeatable, for hubs of one cluster)",
		},
	),
		hubSecretFlags(), cmdline.Flags("Hub", siteFlag()))
}

func siteFlag() cli.Flag {
	return &cli.StringFlag{
		Name:        "site",
		Usage:       "what others at the hub call this place (`NAME`)",
		DefaultText: "this host's name",
	}
}

func hubSecretFlags() []cli.Flag {
	return cmdline.Flags(
		"Hub",
		&cli.StringFlag{
			Name:  "hub-secret",
			Usage: "the hub's secret (`TEXT`), a key as udpcam key prints it, or one of udpcam hub secret",
		},
		&cli.StringFlag{
			Name:      "hub-secret-file",
			Usage:     "the hub's secret is in this `FILE`, which only you should be able to read",
			TakesFile: true,
		},
	)
}

// hubSecret returns the secret that the flags give, or nil.
func hubSecret(c *cli.Context, s *session) (*hubconn.Secret, error) {
	text, name := c.String("hub-secret"), c.String("hub-secret-file")
	switch {
	case text != "" && name != "":
		return nil, cmdline.Usagef("--hub-secret and --hub-secret-file contradict: give one of them")
	case text != "" && text != os.Getenv(cmdline.Variable("hub-secret")):
		s.log.Warn(
			"others on this machine can see a secret that is on the command line: use --hub-secret-file, or the variable " +
				cmdline.Variable("hub-secret"),
		)
	case name != "":
		b, err := readSmall(name)
		if err != nil {
			return nil, cmdline.Usagef("--hub-secret-file: %w", err)
		}
		if readableByOthers(name) {
			s.log.Warn("others on this machine can read the hub's secret", "file", name, "hint", "chmod 600 "+name)
		}
		text = string(b)
	}
	if text = strings.TrimSpace(text); text == "" {
		if name != "" {
			return nil, cmdline.Usagef("--hub-secret-file %s: there is nothing in it; udpcam key makes a secret", name)
		}
		return nil, nil
	}
	secret, err := hubconn.ParseSecret(text)
	if err != nil {
		return nil, cmdline.Usagef("--hub-secret: %w", err)
	}
	return &secret, nil
}

func siteOf(c *cli.Context) string {
	host, _ := os.Hostname()
	host, _, _ = strings.Cut(host, ".")
	return cmp.Or(c.String("site"), host)
}

// dialHub connects to the hub of --hub. Without the flag it returns nil.
func dialHub(ctx context.Context, c *cli.Context, s *session, wait bool) (*hubconn.Conn, error) {
	urls := cmdline.List(c, "hub")
	if len(urls) == 0 {
		for _, flag := range []string{"hub-secret", "hub-secret-file", "site"} {
			if c.IsSet(flag) {
				return nil, cmdline.Usagef(
					"--%s is for --hub: give a hub's address too, such as --hub nats://192.168.1.5",
					flag,
				)
			}
		}
		return nil, nil
	}
	for _, url := range urls {
		if _, err := hubconn.ParseURL(url); err != nil {
			return nil, cmdline.Usagef("--hub: %w", err)
		}
	}
	secret, err := hubSecret(c, s)
	if err != nil {
		return nil, err
	}
	return hubconn.Dial(
		ctx,
		hubconn.Config{URLs: urls, Secret: secret, Name: "udpcam " + c.Command.Name + " at " + siteOf(c),
			Log: s.log, Wait: wait},
	)
}
