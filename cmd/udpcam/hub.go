package main

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/hubconn"
	"udpcam/protocol/hub"
)

func hubCommand() *cli.Command {
	c := command(&cli.Command{
		Name:      "hub",
		Usage:     "let sites watch each other's cameras: where recv --hub and serve --hub meet",
		UsageText: "udpcam hub [--hub-secret-file FILE] [--cluster URL] [--leaf URL] [flags]",
		ArgsUsage: "[ls|secret]",
		Description: cmdline.Examples(
			"(umask 077; udpcam key >hub.secret)", "once: the secret of all machines that belong together",
			"udpcam hub --hub-secret-file hub.secret", "a hub; it prints what to type elsewhere",
			"udpcam hub --hub-secret-file hub.secret --cluster nats://b:6222", "one more, so that one of them may fail",
			"udpcam hub --hub-secret-file hub.secret --leaf nats://hub.example:7422", "a site behind NAT: it dials out",
			"udpcam hub ls --hub nats://b --hub-secret-file hub.secret", "who is there",
			"udpcam hub secret --camera door --hub-secret-file hub.secret", "a secret that only publishes the stream door",
		) + "\nA hub is a NATS server. Without a secret it serves this machine alone.\n",
		Action: runHub,
	},
		cmdline.Flags(
			"Hub",
			&cli.StringFlag{
				Name:        "listen",
				Usage:       "take clients at `ADDR`",
				DefaultText: ":4222 with a secret, else 127.0.0.1:4222",
			},
			&cli.StringFlag{
				Name:        "cluster-listen",
				Usage:       "take other hubs of the cluster at `ADDR`",
				DefaultText: "port 6222 with --cluster",
			},
			&cli.StringFlag{Name: "leaf-listen", Usage: "take sites that dial in at `ADDR`", DefaultText: "port 7422"},
			&cli.StringSliceFlag{
				Name:  "cluster",
				Usage: "be one hub with those at `URL`, such as nats://b:6222 (repeatable)",
			},
			&cli.StringSliceFlag{
				Name: "leaf",
				Usage: "dial to a hub elsewhere (`URL`), such as nats://hub.example:7422 (repeatable, for " +
					"hubs of one cluster)",
			},
			&cli.StringFlag{
				Name:        "name",
				Usage:       "this hub's `NAME`, which no other hub has",
				DefaultText: "this host's name, and the port",
			},
			siteFlag(),
		),
		hubSecretFlags(),
		edgeFlags(""),
		runningFlags(),
	)
	c.Subcommands = []*cli.Command{hubListCommand(), hubSecretCommand()}
	return c
}

// runHub is udpcam hub.
func runHub(c *cli.Context) error {
	if arg := c.Args().First(); arg != "" {
		return cmdline.Usagef("there is no udpcam hub %s: there are hub ls and hub secret", arg)
	}
	if err := checkHTTP(c); err != nil {
		return err
	}
	s, ctx := newSession(c, false)
	config, err := hubConfigOf(c, s)
	if err != nil {
		return err
	}
	warnOfHubSecret(c, s.log)
	ns, err := startHub(config)
	if err != nil {
		return explainHubStart(err)
	}
	defer ns.Shutdown()
	node := &hubNode{server: ns, instance: rand.Text(), site: siteOf(c), version: c.App.Version, config: config}
	s.log.Info("hub", "name", ns.Name(), "addr", ns.Addr(), "secret", config.secret != nil)
	if config.secret == nil {
		s.log.Info(
			"without a secret, this hub is for this machine alone: udpcam key makes one, for --hub-secret-file",
			"addr",
			ns.Addr(),
		)
		if !ns.Addr().(*net.TCPAddr).IP.IsLoopback() {
			s.log.Warn("everyone on the network can watch and publish here: give --hub-secret-file", "addr", ns.Addr())
		}
	}
	if s.json == nil {
		io.WriteString(s.console, hubHelp(ns, c.String("hub-secret-file"), config))
	}
	conn, err := hubconn.Dial(
		ctx,
		hubconn.Config{URLs: []string{clientURL(ns)}, Secret: config.secret, Name: "udpcam hub", Log: quiet},
	)
	if err != nil {
		return err
	}
	if _, err := conn.Subscribe(hub.ListSubject, func(m *nats.Msg) {
		if m.Reply != "" && string(m.Data) == hub.ListAll {
			m.Respond(node.info().Encode())
		}
	}); err != nil {
		return err
	}
	work := &hubbing{session: s, node: node}
	if c.String("http") != "" {
		return serveEdge(ctx, c, s, conn, "", func(e *edge) subject { work.edge = e; return work }, node.metrics)
	}
	watch := s.watch(work)
	<-ctx.Done()
	watch.end(nil)
	return nil
}

// hubConfigOf returns what the flags say.
func hubConfigOf(c *cli.Context, s *session) (config hubConfig, err error) {
	config.log = s.log
	if config.secret, err = hubSecret(c); err != nil {
		return config, err
	}
	if config.secret != nil && config.secret.Role().Kind != "" {
		return config, cmdline.Usagef(
			"a hub needs the secret of the site itself: this one is of a %s",
			config.secret.Role().Kind,
		)
	}
	host := "127.0.0.1"
	if config.secret != nil {
		host = ""
	}
	config.listen = cmp.Or(c.String("listen"), host+":4222")
	config.leaf = cmp.Or(c.String("leaf-listen"), host+":7422")
	if config.cluster = c.String("cluster-listen"); config.cluster == "" && c.IsSet("cluster") {
		config.cluster = host + ":6222"
	}
	for flag, to := range map[string]*[]string{"cluster": &config.routes, "leaf": &config.remotes} {
		port := map[string]string{"cluster": "6222", "leaf": "7422"}[flag]
		for _, text := range cmdline.List(c, flag) {
			u, err := hubconn.ParseURL(text, port)
			if err != nil {
				return config, cmdline.Usagef("--%s: %w", flag, err)
			}
			*to = append(*to, u)
		}
	}
	if config.clusterName = "udpcam"; len(config.remotes) > 0 { // a hub refuses leaves from a cluster of its own name
		config.clusterName += "-" + hub.Token(c.String("site"))
		if config.cluster != "" && !c.IsSet("site") {
			return config, cmdline.Usagef("--leaf and --cluster together need --site NAME, the same at each hub of the site")
		}
	}
	for _, flag := range []string{"listen", "cluster-listen", "leaf-listen"} {
		if text := c.String(flag); text != "" {
			if _, _, err := splitAddr(text); err != nil {
				return config, cmdline.Usagef("--%s: %w", flag, err)
			}
		}
	}
	if config.name = c.String("name"); config.name == "" {
		name, _ := os.Hostname()
		if _, port, _ := splitAddr(config.listen); port != 4222 {
			name += "-" + strconv.Itoa(max(port, 0))
		}
		config.name = name
	}
	if strings.ContainsAny(config.name, " \t\n") {
		return config, cmdline.Usagef("--name %q: a hub's name has no spaces", config.name)
	}
	return config, nil
}

func explainHubStart(err error) error {
	if strings.Contains(err.Error(), "address already in use") {
		return fmt.Errorf(
			"%w: another program has this port, perhaps another hub: choose others with --listen, --cluster-listen, --leaf-listen",
			err,
		)
	}
	return err
}

// clientURL is where this machine reaches its own hub.
func clientURL(ns *natsd.Server) string {
	addr := ns.Addr().(*net.TCPAddr)
	if addr.IP.IsUnspecified() {
		return "nats://127.0.0.1:" + strconv.Itoa(addr.Port)
	}
	return "nats://" + addr.String()
}

// hubHelp says what to type elsewhere.
func hubHelp(ns *natsd.Server, secretFile string, config hubConfig) string {
	addr := ns.Addr().(*net.TCPAddr)
	host, secret := addr.IP.String(), ""
	if addr.IP.IsUnspecified() {
		host = "127.0.0.1"
		if own := ownAddresses(addr.AddrPort().Addr()); len(own) > 0 {
			host = own[0].String()
		}
	}
	if config.secret != nil {
		secret = " --hub-secret-file " + cmp.Or(secretFile, "hub.secret")
	}
	url := func(port int) string { return "nats://" + net.JoinHostPort(host, strconv.Itoa(port)) }
	var b strings.Builder
	row := func(what, command string) { fmt.Fprintf(&b, "  %-28s  udpcam %s%s\n", what, command, secret) }
	b.WriteString("\n")
	row("a site with cameras:", "recv --hub "+url(addr.Port))
	row("a site with viewers:", "serve --http 0.0.0.0:8080 --hub "+url(addr.Port))
	row("who is there:", "hub ls --hub "+url(addr.Port))
	if v, err := ns.Varz(nil); err == nil {
		if v.Cluster.Port > 0 {
			row("another hub beside this:", "hub --cluster "+url(v.Cluster.Port))
		}
		if v.LeafNode.Port > 0 {
			row("a hub at a site behind NAT:", "hub --leaf "+url(v.LeafNode.Port))
		}
	}
	return b.String() + "\n"
}
