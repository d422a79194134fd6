// Package web shows frames over HTTP: a page, MJPEG streams, snapshots, metrics, and the addresses that viewers made for
// other servers use.
//
//	server := web.New(web.Config{})
//	listener, err := web.Listen(ctx, ":8080") // this machine only
//	go server.Serve(ctx, listener)            // or mount server on a mux: it is an http.Handler
//	for frame := range frames {
//		server.Put(frame)
//	}
//
// # How a picture gets to a viewer
//
//	Put ──> part: headers rendered once, picture not copied ─┬─> stream "door"  ──> feed ──> viewer ──> writev
//	                                                         │                          ├──> viewer ──> writev
//	                                                         │                          └──> snapshot
//	                                                         └─> the front stream ──> feed ──> /stream, /socket, …
//
// A [Server] has three parts, each with a lock of its own. The registry knows the streams by name, and chooses the front
// stream. The viewers are counted, limited, and served by one loop. The sources on demand are open while somebody watches
// their streams.
//
// A feed holds the newest picture of a stream. Each viewer runs at its own speed: it writes the newest picture, then looks
// for the next. So Put never waits, and a viewer holds two pictures at most. A slow viewer skips pictures. A viewer that
// does not take a picture within [Config.StallTimeout] is closed.
//
// Header, picture, and the boundary behind it leave in one writev, of bytes that all viewers share. For this a viewer
// hijacks its connection. If it cannot (HTTP/2, some middleware), the same bytes go through the http.ResponseWriter.
//
// # The page
//
// The page (folder page) opens a WebSocket for each tile of its grid, and closes it when the tile is out of sight, the page
// is hidden, or the user pauses. See page_message.go for the messages.
//
//	           one writev: a WebSocket frame's header, ours, the JPEG
//	viewer ──────────────────────────────────────────────> worker: the newest waits, one is decoded ──> OffscreenCanvas
//	   ^                                                      │
//	   └──────────────── taken: number, held for so long ─────┘
//
// The page acknowledges each picture when it is on the canvas. Only then the next is sent, the newest at that moment, so
// pictures never queue. On a long round trip several may be on their way: see flights. Where WebSockets do not get through,
// the page asks for one picture after the other: see poll.go. WebKit, and browsers without OffscreenCanvas, draw without a
// worker.
//
// Where a WebSocket does badly, pictures come by datagrams, if there are [Config.Datagrams]. All tiles have one data channel
// of WebRTC together, in a worker of its own, which runs the modules of protocol/js. The WebSocket stays open: it keeps the
// viewer's place and the clock. page/way.js alone decides by which way pictures come, and when that changes:
//
//	page/link.js: offer, answer ───> page/datagrams.js: datagrams in ──> whole pictures ──> the tile's worker, as above
//
// The page asks for the server's clock twice a second. So it knows how old the picture on the screen is, and when the
// connection last spoke. page/status.js alone says what that means: a picture is live if it is at most a second and two
// intervals old, and the connection has spoken within two seconds. testdata/page.jpg shows the page in three browsers.
//
// While there is no stream, the page shows what [Config.Hints] tells instead: see hints.go.
//
// # The front stream
//
// "/stream", "/socket" and so on show the front stream: the one that has been live the longest. When it falls quiet, another
// live stream takes its place, and viewers see that without connecting again. "/" shows the front stream, or all streams if
// there are several.
//
// # Privacy
//
// Other sites can neither read nor show the pictures, nor frame the page, unless [Config.AllowOrigins] names them.
// WebSockets from other origins are refused. So are Host names that this machine does not have: see [Config.AllowHosts]. The
// page shows only streams that the server has listed, whatever the link says that leads to it. GET changes nothing. A
// [Config] may ask for a password or a token. Without one, everybody who reaches the port sees the pictures. So [ListenAddr]
// binds this machine only unless told otherwise.
//
// # Limits
//
// Idle connections, slow headers and large bodies are limited: see package guard. So is the number of viewers, and of other
// answers that are under way. If there are too many, the address with the most gives way: see places.go. An answer must be
// taken within [Config.StallTimeout], and the kernel holds little of it meanwhile: see answer.go and [Server.ConnContext].
package web
