// Package hub is how frames go from one site to another through NATS servers. It is pure, as package protocol is: it decides
// what is sent, and others send it.
//
// Frames are asked for. A publisher has streams, as recv does. An edge has viewers, as serve does. For each stream that
// somebody watches, the edge sends a "want" to one publisher of the stream. The publisher answers with its newest frame, and
// with newer ones as they come, as long as less than a few are on their way. So a slow link, or a stalled edge, gets fewer
// frames, and never old ones. What nobody watches is not sent.
//
//	publisher                 NATS                    edge
//	    | <-- udpcam.v1.list -------------------------- |   who is there?
//	    | --- Info -----------------------------------> |   to the inbox of that question
//	    | --- udpcam.v1.info.INSTANCE ----------------> |   the same unasked, when streams come or go
//	    | <-- udpcam.v1.want.INSTANCE.NAME ------------ |   Want: what the edge has
//	    | --- a frame with a Header ------------------> |   to the inbox of the want
//	    | <-- udpcam.v1.want.INSTANCE.NAME ------------ |   got that one
//
// [Offer] is one stream at its publisher, [Pull] is one at an edge, and [Directory] is what an edge knows of all publishers.
package hub
