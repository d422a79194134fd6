package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/internal/hubconn"
	"udpcam/protocol/hub"
)

func hubListCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "ls",
		Usage:     "list who is at a hub: streams, publishers, edges, hubs",
		UsageText: "udpcam hub ls --hub URL [--json]",
		Description: cmdline.Examples(
			"udpcam hub ls --hub nats://b", "who is there",
			"udpcam hub ls --hub nats://b --json", "the same for programs",
		),
		Action: hubList,
	},
		hubClientFlags("ask at this hub"),
		cmdline.Flags("Output",
			&cli.DurationFlag{Name: "wait", Usage: "wait this `TIME` for the next answer", Value: 300 * time.Millisecond},
			&cli.BoolFlag{Name: "json", Usage: "write JSON: one object for each that is there"}),
	)
}

// hubList is udpcam hub ls.
func hubList(c *cli.Context) error {
	_, ctx := newSession(c, false)
	if len(cmdline.List(c, "hub")) == 0 {
		return cmdline.Usagef("which hub? give its address, such as --hub nats://192.168.1.5")
	}
	conn, err := dialHub(ctx, c, quiet, true)
	if err != nil {
		return err
	}
	defer conn.Close()
	infos, err := askHub(conn, c.Duration("wait"))
	if err != nil {
		return err
	}
	if c.Bool("json") {
		for _, i := range infos {
			if err := json.NewEncoder(c.App.Writer).Encode(listedAs(i)); err != nil {
				return err
			}
		}
		return nil
	}
	return printInfos(c.App.Writer, conn, infos)
}

// askHub asks who is there. It ends when there was no answer for a time, at least ten round trips.
func askHub(conn *hubconn.Conn, wait time.Duration) (infos []hub.Info, err error) {
	answers := make(chan *nats.Msg, 4096)
	inbox := nats.NewInbox()
	if _, err = conn.ChanSubscribe(inbox, answers); err == nil {
		err = conn.PublishRequest(hub.ListSubject, inbox, []byte(hub.ListAll))
	}
	if err != nil {
		return nil, err
	}
	if rtt, err := conn.RTT(); err == nil {
		wait = max(wait, 10*rtt)
	}
	for {
		select {
		case m := <-answers:
			if i, err := hub.ParseInfo(m.Data); err == nil {
				infos = append(infos, i)
			}
			continue
		case <-time.After(wait):
		}
		order := []string{hub.KindServer, hub.KindPublisher, hub.KindEdge}
		slices.SortFunc(infos, func(a, b hub.Info) int {
			return cmp.Or(slices.Index(order, a.Kind)-slices.Index(order, b.Kind), strings.Compare(a.Site, b.Site),
				strings.Compare(a.Hub, b.Hub), strings.Compare(a.Instance, b.Instance))
		})
		return infos, nil
	}
}

// A listedInfo is an Info as --json shows it: names are texts there.
type listedInfo struct {
	hub.Info
	Streams []listedStream `json:"streams"`
	OK      bool           `json:"ok"`
}

type listedStream struct {
	Name string `json:"name"`
	hub.StreamInfo
}

func listedAs(i hub.Info) listedInfo {
	l := listedInfo{Info: i, Streams: []listedStream{}, OK: i.Unreachable == ""}
	for _, s := range i.Streams {
		l.Streams = append(l.Streams, listedStream{string(s.Name), s})
		l.OK = l.OK && (i.Kind != hub.KindPublisher || s.FPS > 0)
	}
	return l
}

func printInfos(w io.Writer, conn *hubconn.Conn, infos []hub.Info) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(fields ...any) {
		for i, f := range fields {
			if fields[i] = f; f == "" {
				fields[i] = "-"
			}
		}
		fmt.Fprintf(t, strings.TrimSuffix(strings.Repeat("%v\t", len(fields)), "\t")+"\n", fields...)
	}
	kinds := map[string][]hub.Info{}
	for _, i := range infos {
		kinds[i.Kind] = append(kinds[i.Kind], i)
	}
	row("STREAM", "SITE", "HUB", "SIZE", "FPS", "EDGES", "STATE")
	for _, i := range kinds[hub.KindPublisher] {
		for _, s := range i.Streams {
			state := "live"
			switch {
			case s.Width == 0:
				state = "no picture that the hub takes: see the log there"
			case s.FPS == 0:
				state = fmt.Sprintf("no picture for %.0f s", s.Age)
			}
			row(fmt.Sprintf("%q", s.Name), i.Site, i.Hub, fmt.Sprintf("%dx%d", s.Width, s.Height), s.FPS, s.Edges, state)
		}
	}
	row()
	row("EDGE AT SITE", "HUB", "VIEWERS", "WATCHES")
	for _, i := range kinds[hub.KindEdge] {
		row(i.Site, i.Hub, i.Viewers, plural(len(i.Streams), "stream"))
	}
	row()
	row("HUB", "SITE", "CLIENTS", "OTHER HUBS", "LEAVES", "MEMORY", "SLOW", "STATE")
	for _, i := range kinds[hub.KindServer] {
		row(
			i.Hub,
			i.Site,
			i.Clients,
			i.Routes,
			i.Leaves,
			fmt.Sprintf("%d MB", i.Memory/1e6),
			i.Slow,
			cmp.Or(i.Unreachable, "ok"),
		)
	}
	if len(kinds[hub.KindServer]) == 0 {
		row(conn.Hub(), "-", "-", "-", "-", "-", "-", "a NATS server "+conn.ConnectedServerVersion())
	}
	return t.Flush()
}

func hubSecretCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "secret",
		Usage:     "derive a secret that may only publish one stream, or only watch",
		UsageText: "udpcam hub secret --camera NAME | --viewer --hub-secret-file FILE",
		Description: cmdline.Examples(
			"udpcam hub secret --camera door --hub-secret-file hub.secret >door.secret",
			"for a site that may publish the stream door alone",
			"udpcam hub secret --viewer --hub-secret-file hub.secret >viewer.secret",
			"for a site that may only watch",
		),
		Action: func(c *cli.Context) error {
			secret, err := hubSecret(c)
			switch {
			case err != nil:
				return err
			case secret == nil:
				return cmdline.Usagef("give the secret of the hub with --hub-secret-file")
			case secret.Role().Kind != "":
				return cmdline.Usagef("this secret is of a %s: give that of the hub itself", secret.Role().Kind)
			case c.Bool("viewer") == c.IsSet("camera"):
				return cmdline.Usagef("for whom? give --camera NAME or --viewer")
			}
			role := hubconn.Role{Kind: hubconn.RoleViewer}
			if c.IsSet("camera") {
				role = hubconn.Role{Kind: hubconn.RoleCamera, Camera: c.String("camera")}
			}
			_, err = fmt.Fprintln(c.App.Writer, secret.For(role).Text())
			return err
		},
	},
		cmdline.Flags("Secret",
			&cli.StringFlag{Name: "camera", Usage: "may publish the stream `NAME`, and nothing else"},
			&cli.BoolFlag{Name: "viewer", Usage: "may watch, and nothing else"}),
		hubSecretFlags(),
		runningFlags()[1:],
	)
}
