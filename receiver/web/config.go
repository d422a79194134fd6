package web

import (
	"log/slog"
	"net/netip"
	"time"

	"udpcam/protocol/mjpeg"
)

// Config configures a [Server]. The zero value of each field is its default.
type Config struct {
	// StallTimeout is how long a viewer may take over one picture before it is closed. 0 means 10 s.
	StallTimeout time.Duration
	// QuietAfter is how old a stream's newest picture may be while the stream counts as live. 0 means 3 s. It may always be as
	// old as a second and two of the intervals between pictures.
	QuietAfter time.Duration
	// ForgetAfter is how long a quiet stream that nobody watches stays listed. 0 means 5 min.
	ForgetAfter time.Duration
	// MaxViewers is how many viewers there may be at once, counting snapshots on their way. 0 means DefaultMaxViewers. If
	// there are as many, a newcomer takes the place of a viewer of the address that has the most (of IPv6, the /64 network),
	// the slowest first. Where that makes nothing fairer, the newcomer is answered 503.
	MaxViewers int
	// MaxStreams is how many streams there may be at once. Frames of others are dropped. 0 means 64. This stops a network
	// that invents stream names from filling the memory.
	MaxStreams int
	// AllowHosts are the names by which browsers may address this server, or a proxy in front of it, besides IP addresses,
	// this machine's own name and names that only a local network gives, such as localhost, camera and camera.lan. Other
	// names are answered 403. This stops DNS rebinding: there, the name of a hostile site resolves to this machine, and the
	// site reads the pictures through a visitor's browser. "*" allows every name, for a server behind a proxy that checks
	// them.
	AllowHosts []string
	// AllowOrigins are the origins of other sites ("https://example.org") whose pages may show this server's page and
	// pictures, and read them by script. "*" allows every site. [ParseOrigin] says whether one is valid; New leaves out
	// others.
	AllowOrigins []string
	// TrustProxies are the addresses of proxies. A request from one counts as that of the client whose address the proxy adds
	// to X-Forwarded-For. Without this, all clients behind a proxy are one address: they share one limit of wrong passwords,
	// and one share of the places. See [Config.MaxViewers].
	TrustProxies []netip.Prefix
	// MaxPixels is how many pixels a picture may have. Larger ones are dropped, and the page refuses to decode them. 0
	// means mjpeg.MaxPixels. This stops pictures of a few bytes that claim to be huge from filling a browser's memory.
	MaxPixels int
	// User and Password are asked for if Password is not empty (HTTP Basic, RFC 7617). An address that guesses wrong too
	// often waits for the answer to each further one. Behind a proxy all clients are one address.
	User, Password string
	// Token, if not empty, also lets in clients that send it: in the address (?token=) or as a bearer token (RFC 6750). A
	// browser stays logged in for 30 days, also when the server is restarted.
	// Without TLS the password and the token can be read on the network.
	Token string
	// Outputs, if set, returns the state of what else takes the frames, such as recordings. /healthz and /metrics show it. Any
	// goroutine may call it.
	Outputs func() []Output
	// Origin, if set, returns where a stream comes from, for the page and the API. Any goroutine may call it.
	Origin func(stream string) (Origin, bool)
	// Trouble, if set, returns why no streams come at all, and "" if they do. The page and /healthz show it.
	Trouble func() string
	// Metrics, if set, returns further metrics for /metrics.
	Metrics func() []Metric
	// Hints, if set, returns what the page tells while there is no stream. It is called at most once a second, while somebody
	// looks at such a page. Any goroutine may call it, and it should not take long.
	Hints func() Hints
	// Datagrams, if set, brings pictures to those pages to which they come late by a WebSocket, because the network loses
	// packets.
	Datagrams Datagrams
	// Demo, if set, gives the page controls for a demonstration's network.
	Demo *Demo
	// HTML replaces the page at "/" and at "/streams/NAME/". Relative links in it, such as "stream" and "snapshot.jpg",
	// lead to the page's stream.
	HTML []byte
	// Skip, if set, is called with the reason when a frame is dropped. The reasons are few and fixed, fit for counters.
	Skip func(reason string)
	// Log gets which viewers come and go, who is refused, and when a source on demand fails. Nil means slog.Default().
	Log *slog.Logger
}

// An Output is something else that takes the frames, such as a recording.
type Output struct {
	Name  string
	Err   string    // why it fails now, "" if it does not
	Since time.Time // when that began, or the zero time
}

// An Origin is where a stream comes from that came by way of a hub.
type Origin struct {
	Site, Hub        string
	RTT, Uncertainty time.Duration // of the way from there; of the delays that are shown. 0 if not known
	Trouble          string        // why no pictures come and what to do, "" if they do
	Untimed          bool          // how old pictures are is not known
}

// A Metric is a further line of /metrics. Its name gets "udpcam_" in front. Labels are pairs of a name and a value.
type Metric struct {
	Name, Help string
	Value      float64
	Counter    bool
	Labels     []string
}

// DefaultMaxViewers is the default of [Config.MaxViewers].
const DefaultMaxViewers = 256

// Reasons for dropping a frame, see [Config.Skip].
const (
	SkipEmpty   = "empty"               // it has no picture
	SkipName    = "too long a name"     // its stream's name is longer than [protocol.MaxStreamName]
	SkipStreams = "too many streams"    // its stream is one more than [Config.MaxStreams]
	SkipHuge    = "too large to decode" // it has more than [Config.MaxPixels], or would stall a browser's decoder
)

// withDefaults returns c with each zero field set to its default.
func (c Config) withDefaults() Config {
	orDefault(&c.StallTimeout, 10*time.Second)
	orDefault(&c.QuietAfter, 3*time.Second)
	orDefault(&c.ForgetAfter, 5*time.Minute)
	orDefault(&c.MaxViewers, DefaultMaxViewers)
	orDefault(&c.MaxStreams, 64)
	orDefault(&c.MaxPixels, mjpeg.MaxPixels)
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
