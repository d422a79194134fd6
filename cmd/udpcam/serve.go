package main

import (
	"context"
	"iter"
	"time"

	"github.com/urfave/cli/v2"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/sender/source"
)

func serveCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "serve",
		Usage:     "show a source to browsers, with no UDP between",
		UsageText: "udpcam serve --source SOURCE [--http ADDR] [flags]",
		Description: cmdline.Examples(
			"udpcam serve --source test: --http :8080", "a test pattern, at http://127.0.0.1:8080",
			"udpcam serve --source http://user:secret@cam/ --http 0.0.0.0:8080", "an IP camera, for everyone on the network",
			"udpcam serve --source photos/ --fps 1 --loop", "a slide show",
		) + "\nSources:\n" + cmdline.Indent(source.Help()),
		Action: serve,
	},
		httpFlags(defaultHTTP),
		cmdline.Flags("HTTP", lingerFlag()),
		sourceFlags(source.Default()),
		runningFlags(),
	)
}

// defaultHTTP is where serve and demo serve unless they are told: this machine alone.
const defaultHTTP = "127.0.0.1:8080"

func lingerFlag() cli.Flag {
	return &cli.DurationFlag{Name: "linger", Value: 10 * time.Second,
		Usage: "close the source this `TIME` after the last viewer left"}
}

// serve is udpcam serve.
func serve(c *cli.Context) error {
	linger, err := lingerOf(c)
	if err != nil {
		return err
	}
	s, ctx, err := newSession(c, false)
	if err != nil {
		return err
	}
	var skipped tally
	name, src, err := openSource(c, source.Default(), s.log, skipped.add, nil)
	if err != nil {
		return err
	}
	to, err := openServer(c, defaultHTTP, nil, s.log, skipped.add)
	if err != nil {
		return err
	}
	defer to.close()

	s.log.Info("serving", "source", source.Redact(name), "url", to.url())
	report := newServeReport(s, to, &skipped)
	watch := s.watch(report)
	stream := streamName(c.String("source"))
	err = show(ctx, to, report.open(src, stream), src.OnDemand(), linger, stream)
	watch.end(err)
	return err
}

// frames is a way to open a source and get its frames.
type frames = func(context.Context) iter.Seq2[protocol.Frame, error]

// show shows frames, all of one stream, to browsers until ctx is done or the source is over. A source on demand is open while somebody
// watches, and for a time after; if it fails it is opened again, unless it has never worked.
func show(ctx context.Context, to *server, open frames, onDemand bool, linger time.Duration, stream string) error {
	parts := newGroup(ctx)
	parts.run(to.serve)
	parts.run(func(ctx context.Context) error {
		defer parts.end()
		if onDemand {
			return to.pull(ctx, open, linger, stream, parts.fail)
		}
		for f, err := range open(ctx) {
			if err != nil {
				return err
			}
			to.Put(f)
		}
		return nil
	})
	return parts.wait()
}

// lingerOf is the time of --linger.
func lingerOf(c *cli.Context) (time.Duration, error) {
	linger := c.Duration("linger")
	if linger <= 0 {
		return 0, cmdline.Usagef("--linger %v: give a time above 0, such as 10s", linger)
	}
	return linger, nil
}
