// Package web shows frames over HTTP: a page, MJPEG streams, snapshots, and the addresses that viewers made for other
// servers already use. It is the only package, the upload source apart, that knows net/http's server.
//
// # The data's way
//
//	Put ──> part: header rendered once, picture not copied ──┬─> stream "door"  ──> feed ──> viewer ──> writev
//	                                                         │                          ├──> viewer ──> writev
//	                                                         │                          └──> snapshot
//	                                                         └─> the front stream ──> feed ──> /stream, /snapshot.jpg
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
// # The front stream
//
// "/", "/stream" and their like show the front stream: the only one there is, or of several, the one that has been live
// the longest without falling quiet. When the front stream falls quiet and another is live, that one takes its place,
// and whoever watches "/stream" sees it without connecting again.
//
// # Privacy
//
// Nothing sets Access-Control-Allow-Origin, so that scripts of other sites cannot read the pictures, and requests whose
// Host is a name that this machine does not have are refused, see [Config.AllowHosts]. There is no authentication:
// whoever reaches the port sees the pictures, which is why [ListenAddr] binds this machine alone unless told otherwise.
package web
