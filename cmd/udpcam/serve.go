package main

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"udpcam/cmd/internal/cmdline"
	"udpcam/protocol"
	"udpcam/receiver/web"
	"udpcam/sender/source"
)

func serveCommand() *cli.Command {
	return command(&cli.Command{
		Name:      "serve",
		Usage:     "show a source, or the streams of a hub, to browsers",
		UsageText: "udpcam serve --source SOURCE | --hub URL [--http ADDR] [flags]",
		Description: cmdline.Examples(
			"udpcam serve --source test: --http :8080", "a test pattern, at http://127.0.0.1:8080",
			"udpcam serve --source http://user:secret@cam/ --http 0.0.0.0:8080", "an IP camera, for everyone on the network",
			"udpcam serve --source photos/ --fps 1 --loop", "a slide show",
			"udpcam serve --hub nats://192.168.1.5 --http 0.0.0.0:8080", "every stream of a hub",
		) + "\nSources:\n" + cmdline.Indent(source.Help()),
		Action: serve,
	},
		edgeFlags(defaultHTTP),
		sourceFlags(oneSource(source.Default())),
		hubClientFlags("show the streams of this hub, each while somebody watches it"),
		runningFlags(),
	)
}

// defaultHTTP is where serve and demo serve by default: for this machine alone.
const defaultHTTP = "127.0.0.1:8080"

func edgeFlags(usual string) []cli.Flag {
	return slices.Concat(httpFlags(usual), cmdline.Flags("HTTP", maxPixelsFlag("show no picture of more than `N` pixels"),
		&cli.DurationFlag{Name: "linger", Value: 10 * time.Second,
			Usage: "close the source this `TIME` after the last viewer left"}))
}

func serve(c *cli.Context) error {
	name := cmp.Or(c.String("source"), source.Default())
	ofHub, err := hubOf(c)
	edge := len(ofHub.URLs) > 0
	switch {
	case err != nil:
		return err
	case edge && c.IsSet("source"):
		return cmdline.Usagef("--hub and --source contradict: serve one of them, and the other in a second process")
	case checking(c) && edge:
		return checkServer(c, defaultHTTP)
	case checking(c):
		_, err := openSource(c, name, source.Options{})
		return cmp.Or(err, checkServer(c, defaultHTTP))
	}
	s, ctx := newSession(c, false)
	if edge {
		return serveHub(ctx, c, s)
	}
	src, err := openSource(c, name, source.Options{Skip: s.skipped.count, Log: s.log})
	if err == nil && !c.IsSet("source") {
		err = worksNow(ctx, src) // nobody has said that there is a camera
	}
	if err != nil {
		return err
	}
	to, err := openServer(c, defaultHTTP, web.Config{}, s)
	if err != nil {
		return err
	}
	defer to.close()

	to.announce("source", source.Redact(name))
	work := &serving{session: s, to: to, last: progress{Time: s.began}, rate: rateAsked(c)}
	watch := s.watch(work)
	stream := streamName(name)
	kind := onDemand{src.OnDemand(), strings.Contains(name, "://")}
	err = show(ctx, to, work.open(src, stream), kind, c.Duration("linger"), stream)
	watch.end(err)
	return err
}

// worksNow returns why a source gives no picture.
func worksNow(ctx context.Context, src source.Source) error {
	for _, err := range src.Frames(ctx) {
		return err
	}
	return nil
}

// onDemand says how a source is opened.
type onDemand struct {
	is   bool // it is closed while nobody watches
	away bool // it is on another machine, which may come later: the page says why it cannot be opened
}

// show shows the frames of one stream to browsers, until ctx is done or the source ends.
func show(ctx context.Context, to *server, open web.Opener, kind onDemand, linger time.Duration, stream string) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return to.serve(ctx) })
	parts.Go(func() error {
		defer end()
		if kind.is {
			return pull(ctx, to, open, kind.away, linger, stream)
		}
		for f, err := range open(ctx) {
			if err != nil {
				return err
			}
			to.Put(f)
		}
		return nil
	})
	return parts.Wait()
}

// pull shows a source on demand. The source is open while somebody watches, and for the time linger after that. If the
// source fails, it is opened again. But if one of this machine fails before its first frame ever, the user probably named a
// wrong source, and pull returns the error.
func pull(ctx context.Context, to *server, open web.Opener, away bool, linger time.Duration, stream string) (failed error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	worked := away
	to.Pull(ctx, func(ctx context.Context) iter.Seq2[protocol.Frame, error] { // Pull returns no error but ctx's
		return func(yield func(protocol.Frame, error) bool) {
			for f, err := range open(ctx) {
				if err != nil && !worked {
					failed = err
					end()
					return
				}
				worked = true
				if !yield(f, err) {
					return
				}
			}
		}
	}, linger, stream)
	return failed
}
