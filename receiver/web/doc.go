// Package web shows frames over HTTP: a page, MJPEG streams, snapshots, metrics, and the addresses that viewers made for
// other servers already use. It is the only package, the upload source apart, that knows net/http's server.
//
// # The data's way
//
//	Put ──> part: headers rendered once, picture not copied ─┬─> stream "door"  ──> feed ──> viewer ──> writev
//	                                                         │                          ├──> viewer ──> writev
//	                                                         │                          └──> snapshot
//	                                                         └─> the front stream ──> feed ──> /stream, /socket, …
//
// A [Hub] keeps one picture a stream, the newest. A feed is a pointer to it and a channel that is closed when it has
// been replaced, so that putting a frame costs the same whether viewers keep up or not, and takes no notice of them.
//
// # Who owns what
//
// A viewer is one goroutine, that of its HTTP handler, at its own speed: it takes the newest picture, writes it, and
// looks for the next. If two have come meanwhile it writes both, for that happens to any goroutine on a busy machine;
// one that has fallen further behind skips to the newest. It holds on to the newest picture of when it looked and the
// one before, so a viewer never costs more than two. Header, picture and the boundary behind it leave in one writev of
// bytes that all viewers share. To get at the socket a viewer hijacks its connection; where that cannot be done (HTTP/2,
// or a middleware in between) the same bytes go through the http.ResponseWriter.
//
// The kernel would queue megabytes for a slow viewer, which are seconds of stale pictures. On Linux the queue of unsent
// bytes is held to 128 kB (TCP_NOTSENT_LOWAT), which does not limit what may be under way to a distant viewer. Measured
// with a viewer that takes 1.5 MB/s of a 3.4 MB/s stream, the picture it sees is 2.4 s old without that and 0.23 s
// with.
//
// A viewer that does not take a picture within [Config.StallTimeout] is closed. One that leaves is noticed with the
// next picture, or on a quiet stream within two seconds.
//
// # The page
//
// The page (folder page) watches a stream over a WebSocket, /socket or /streams/NAME/socket, one for each tile of its
// grid, and closes it when the tile is out of sight, the page hidden, or the user pauses: only what is looked at is sent.
// What is said on it is in message.go.
//
//	           one writev: a WebSocket frame's header, ours, the JPEG
//	viewer ──────────────────────────────────────────────> worker: the newest waits, one is decoded ──> OffscreenCanvas
//	   ^                                                      │
//	   └──────────────── taken: number, held for so long ─────┘
//
// A picture is one binary message. Its frame's header (RFC 6455; a server does not mask) is the same for every page, so it
// is rendered once as the multipart header is, and leaves with the JPEG in one writev. The library, which copies what it
// writes, shakes hands, reads, and writes everything else; a lock keeps the two apart.
//
// The page says of each picture that it has been taken, once it is on the canvas. Until then no other is sent, and then
// it is the newest: pictures wait nowhere, neither in the kernel nor in the browser, which has no bound of its own on what
// it queues of a WebSocket. Where the round trip is long, as many are under way as fit in it: see window. So a page that
// stalls holds none of the server's memory: what it was sent last is the kernel's, and the newest is the feed's in any
// case. It costs its connection and two goroutines, of which one writes and the other listens to what it says.
//
// With what the worker is told of the server's clock and the server knows of the sender's, the page shows the delay from
// capture to canvas. Where WebSockets do not get through, or a browser has no OffscreenCanvas, the page shows /stream in
// an <img>, and asks the server for what it cannot count itself.
//
// # The front stream
//
// "/stream", "/socket" and their like show the front stream: the only one there is, or of several, the one that has been
// live the longest without falling quiet. When the front stream falls quiet and another is live, that one takes its place,
// and whoever watches "/stream" sees it without connecting again. "/" shows it too, or if there are several all of them.
//
// # Privacy
//
// Nothing sets Access-Control-Allow-Origin, so that scripts of other sites cannot read the pictures, nor open a WebSocket,
// and requests whose Host is a name that this machine does not have are refused, see [Config.AllowHosts]. GET changes
// nothing; what a POST changes, of a demonstration only, no other site can send. A [Config] may ask for a password or a
// token. Without either whoever reaches the port sees the pictures, which is why [ListenAddr] binds this machine alone
// unless told otherwise. Connections that ask nothing, slow headers, large bodies and viewers beyond a number are bounded:
// see serve.go and conns.go.
package web
