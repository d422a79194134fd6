// Package datachannel lets browsers take part in udpcam/1. A browser cannot open a UDP socket, but it can open a data
// channel of WebRTC (RFC 8831). Each message on it is one datagram, in either direction:
//
//	page in a browser                                   this package
//	   |  offer (SDP), by HTTP  ------------------------->  Conn.Answer
//	   |  <------------------------  answer: one address
//	   |  connectivity checks (STUN, RFC 8445)  -------->  stun.go: answered if they know the answer's password
//	   |  DTLS 1.2 (RFC 6347), then SCTP (RFC 8261)  --->  peer.go
//	   |  datagrams of udpcam/1  <---------------------->  Conn.Send, Conn.Receive
//
// A [Conn] is a [protocol.Conn] for all browsers together, at one UDP port. So a sender sends to a browser as to any other
// receiver: with parity, with answers to requests, and at a speed that its model of the path chooses.
//
// SCTP would rather do both itself. It must not: it waits for losses to be repaired, and it slows down where packets are
// lost. So messages are unordered, each is repeated once at most, and the congestion window is held open. What replaces
// SCTP's congestion control is the sender's model.
//
// Only what is needed of WebRTC is here: the end that waits (ICE lite), one data channel that both ends know of beforehand,
// no media. The browser chooses among addresses, and begins everything.
package datachannel
