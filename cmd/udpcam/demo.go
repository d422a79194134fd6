package main

import (
	"cmp"
	"fmt"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/receiver/web"
	"udpcam/sender/source"
)

func demoCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "demo",
		Usage:     "send a test pattern over UDP to this machine, and show it to a browser",
		UsageText: "udpcam demo [--source SOURCE] [--http ADDR] [flags]",
		Description: cmdline.Examples(
			"udpcam demo", "then open http://127.0.0.1:8080",
			"udpcam demo --http 127.0.0.1:8081", "if another program has that port",
			"udpcam demo --source photos/", "pictures of your own",
		) + "\nSources:\n" + cmdline.Indent(source.Help()),
		Action: demo,
	},
		edgeFlags(defaultHTTP),
		sourceFlags(oneSource(demoSource)),
		runningFlags(),
	)
}

// demoSource is the default of demo's --source: it needs no camera.
const demoSource = "test:"

func demo(c *cli.Context) error {
	s, ctx := newSession(c, false)
	name := cmp.Or(c.String("source"), demoSource)
	src, err := openSource(c, name, source.Options{Skip: s.skipped.count, Log: s.log})
	if err != nil {
		return err
	}
	loop, err := openLoopback(ctx, src, streamName(name), s)
	if err != nil {
		return err
	}
	defer loop.close()
	to, err := openServer(c, defaultHTTP, web.Config{Demo: &web.Demo{Link: loop.Link, SetLink: loop.SetLink}}, s)
	if err != nil {
		return err
	}
	defer to.close()
	to.ReceiveFrom(loop.from)

	to.announce("source", source.Redact(name), "over", loop.from.LocalAddr())
	if s.json == nil {
		fmt.Fprintf(s.console, "\n  Open %s in a browser. Ctrl-C ends the demo.\n\n", to.url())
	}
	work := newReceiving(s, loop.from, &outputs{server: to})
	work.idle = "waiting for a browser at " + to.url()
	watch := s.watch(work)
	err = show(ctx, to, loop.open(work.note), onDemand{is: src.OnDemand()}, c.Duration("linger"), loop.stream)
	watch.end(err)
	return err
}
