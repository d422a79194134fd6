// Package discovery lets receivers find senders that can be subscribed to, without an address being typed.
//
// It speaks DNS-based service discovery (RFC 6763) over multicast DNS (RFC 6762), which avahi and Bonjour speak too. A stream
// is a service of the type _udpcam._udp. Its instance name is the stream's name, and its TXT record has these strings:
//
//	name=front-door   the stream's name in full; the instance name may have been changed to be unique
//	v=1               the version of the wire, protocol.Version
//	key=1f3a          the ID of the key that the stream is sealed with; an open stream has none
//	size=1280x720     the size of its pictures in pixels, once it is known
//	fps=30            pictures a second, once it is known
//	host=raspberrypi  the name of the machine, for people; the name in SRV has random digits behind it
//
// [Announce] tells of streams, and [Browse] finds them. Both work on all network interfaces that can do multicast, also on
// those that come later, over IPv4 and IPv6. They use the loopback interface too, so that a sender and a receiver on one
// machine meet without any network.
//
// Nothing here proves who says what: whoever is on the network can announce anything. A sealed stream proves itself when it
// is opened.
//
//	sockets ──> node ──> responder   what an Announcer says: pure, the time is an argument
//	                ──> finder      what a Browser knows: pure, the time is an argument
package discovery
