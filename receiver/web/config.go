package web

import (
	"log/slog"
	"time"
)

// Config is what a [Server] may be told. The zero value is the default of everything.
type Config struct {
	// StallTimeout is how long a viewer may take over one picture before it is closed. 0 means 10 s.
	StallTimeout time.Duration
	// QuietAfter is the age of its newest picture at which a stream is no longer live but quiet. 0 means 3 s. A camera
	// that sends a picture a minute wants more.
	QuietAfter time.Duration
	// ForgetAfter is how long a quiet stream that nobody watches stays listed. 0 means 5 min.
	ForgetAfter time.Duration
	// MaxViewers is how many viewers there may be at once; others are answered 503. 0 means
	// DefaultMaxViewers.
	MaxViewers int
	// MaxStreams is how many streams there may be at once; frames of others are dropped. 0 means 64. It stops a
	// network that invents stream names from filling the memory.
	MaxStreams int
	// AllowHosts are the names by which browsers may address this server, besides localhost, this machine's own name
	// (also with ".local") and IP addresses. Any other is answered 403: a site that has its own name resolve to this
	// machine could else read the pictures through the browser of somebody who visits it (DNS rebinding). "*" allows
	// every name, for a server behind a proxy that checks them.
	AllowHosts []string
	// User and Password, if Password is not empty, are what a browser has to know (HTTP Basic, RFC 7617). Whoever guesses
	// wrong too often, by address, is answered 429 for some seconds; behind a proxy all are one address.
	User, Password string
	// Token, if not empty, also lets in whoever knows it: in the address, ?token=, or as a bearer (RFC 6750). Without TLS
	// whoever is on the way can read both.
	Token string
	// Demo, if set, gives the page controls for a demonstration's network.
	Demo *Demo
	// HTML replaces the page. It is served as it is, at "/" and at "/streams/NAME/": links in it that are relative,
	// such as "stream" and "snapshot.jpg", lead to the stream that the page is for.
	HTML []byte
	// Skip, if set, is called with the reason (a few fixed words, good as a counter's key) whenever a frame is not taken.
	Skip func(reason string)
	// Log is told which viewers come and go, and what is wrong with a source on demand. Nil means slog.Default().
	Log *slog.Logger
}

// DefaultMaxViewers is how many viewers there may be at once unless a [Config] says otherwise.
const DefaultMaxViewers = 256

// Reasons for which a frame is not taken, as [Config].Skip reports them.
const (
	// SkipEmpty is a frame without a picture.
	SkipEmpty = "empty"
	// SkipName is a frame whose stream's name is longer than [protocol.MaxStreamName].
	SkipName = "too long a name"
	// SkipStreams is a frame of a stream beyond [Config].MaxStreams.
	SkipStreams = "too many streams"
	// SkipHuge is a frame that claims more than [protocol.MaxPixels], or more work for its decoder than any picture is
	// worth: a browser would stall.
	SkipHuge = "too large to decode"
)

// withDefaults returns c with each zero field set to its default.
func (c Config) withDefaults() Config {
	orDefault(&c.StallTimeout, 10*time.Second)
	orDefault(&c.QuietAfter, 3*time.Second)
	orDefault(&c.ForgetAfter, 5*time.Minute)
	orDefault(&c.MaxViewers, DefaultMaxViewers)
	orDefault(&c.MaxStreams, 64)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
