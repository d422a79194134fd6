package main

import (
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
		httpFlags(defaultHTTP),
		cmdline.Flags("HTTP", lingerFlag()),
		sourceFlags(demoSource),
		runningFlags(),
	)
}

// demoSource is what demo shows unless it is told: everybody has it.
const demoSource = "test:"

// demo is udpcam demo.
func demo(c *cli.Context) error {
	linger, err := lingerOf(c)
	if err != nil {
		return err
	}
	s, ctx, err := newSession(c, false)
	if err != nil {
		return err
	}
	var skipped tally
	name, src, err := openSource(c, demoSource, s.log, skipped.add, nil)
	if err != nil {
		return err
	}
	loop, err := openLoopback(ctx, src, streamName(name), s.log, skipped.add)
	if err != nil {
		return err
	}
	defer loop.close()
	to, err := openServer(c, defaultHTTP, &web.Demo{Link: loop.Link, SetLink: loop.SetLink}, s.log, skipped.add)
	if err != nil {
		return err
	}
	defer to.close()
	to.ReceiveFrom(loop.from)

	s.log.Info("serving", "source", source.Redact(name), "over", loop.from.LocalAddr(), "url", to.url())
	s.say("\n  Open %s in a browser. Ctrl-C ends the demo.\n", to.url())
	report := newRecvReport(s, loop.from, "", &outputs{server: to}, &skipped)
	report.idle = "waiting for a browser at " + to.url()
	watch := s.watch(report)
	err = show(ctx, to, loop.frames(report.arrivals.note), src.OnDemand(), linger, loop.stream)
	watch.end(err)
	return err
}
