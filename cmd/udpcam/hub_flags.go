package main

import (
	"cmp"
	"context"
	"log/slog"
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
func hubSecret(c *cli.Context) (*hubconn.Secret, error) {
	text, name := c.String("hub-secret"), c.String("hub-secret-file")
	if text != "" && name != "" {
		return nil, cmdline.Usagef("--hub-secret and --hub-secret-file contradict: give one of them")
	}
	if name != "" {
		b, err := readSmall(name)
		if err != nil {
			return nil, cmdline.Usagef("--hub-secret-file: %w", err)
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

// warnOfHubSecret tells of a secret that others on this machine can read.
func warnOfHubSecret(c *cli.Context, log *slog.Logger) {
	text, name := c.String("hub-secret"), c.String("hub-secret-file")
	if text != "" && text != os.Getenv(cmdline.Variable("hub-secret")) && tenantOf(c.Context) == nil {
		log.Warn("others on this machine can see a secret that is on the command line: use --hub-secret-file, or the variable " +
			cmdline.Variable("hub-secret"))
	}
	if name != "" && readableByOthers(name) {
		log.Warn("others on this machine can read the hub's secret", "file", name, "hint", "chmod 600 "+name)
	}
}

func siteOf(c *cli.Context) string {
	host, _ := os.Hostname()
	host, _, _ = strings.Cut(host, ".")
	return cmp.Or(c.String("site"), host)
}

// hubOf returns what the flags say about the hub to connect to. Without --hub, config has no URL.
func hubOf(c *cli.Context) (config hubconn.Config, err error) {
	config.URLs = cmdline.List(c, "hub")
	if len(config.URLs) == 0 {
		for _, flag := range []string{"hub-secret", "hub-secret-file", "site"} {
			if c.IsSet(flag) {
				return config, cmdline.Usagef("--%s is for --hub: give a hub's address too, such as --hub nats://192.168.1.5", flag)
			}
		}
		return config, nil
	}
	for _, url := range config.URLs {
		if _, err := hubconn.ParseURL(url, hubconn.DefaultPort); err != nil {
			return config, cmdline.Usagef("--hub: %w", err)
		}
	}
	config.Name = "udpcam " + c.Command.Name + " at " + siteOf(c)
	config.Secret, err = hubSecret(c)
	return config, err
}

// dialHub connects to the hub of --hub. Without the flag it returns nil. With wait, it fails if no hub can be reached now.
func dialHub(ctx context.Context, c *cli.Context, log *slog.Logger, wait bool) (*hubconn.Conn, error) {
	config, err := hubOf(c)
	if len(config.URLs) == 0 || err != nil {
		return nil, err
	}
	warnOfHubSecret(c, log)
	config.Log, config.Wait = log, wait
	return hubconn.Dial(ctx, config)
}
