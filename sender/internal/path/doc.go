// Package path is a model of the path from a sender to one receiver. It learns from what was sent and what the receiver
// reports. It decides how the next frame leaves: whether at all, with how much parity, and how fast. It is pure: it has no
// socket, no goroutine and no clock. The time is an argument.
//
// A frame is a train of packets. A receiver reports each train (see [protocol.Train]). The model learns four things from it:
//
//   - The rate of the narrowest link. No train arrives faster than that link sends it. So bytes divided by span are a lower
//     bound of the rate. They are the rate itself if the train left faster than it arrived. The highest rate of the last
//     trains counts. (Packet train dispersion: Dovrolis, Ramanathan, Moore: "What do packet dispersion techniques measure?",
//     2001. The maximum filter is BBR's: Cardwell et al., 2016, and draft-ietf-ccwg-bbr. One frame is enough: Fouladi et al.:
//     "Salsify", 2018.)
//   - How long it waited in queues: the delay of its first packet, minus the shortest delay of the last seconds. (A minimum
//     filter, as in BBR and SCReAM, RFC 8298.)
//   - How much the queue holds. A full queue loses the end of a train. A radio loses anywhere in it.
//   - All other loss. Parity repairs it. Loss alone never slows the sender down.
//
// The model is in one of three states:
//
//	      a train lost its end, or the
//	      source makes more than the link carries
//	free ─────────────────────────────────────────> limited
//	 ^                                               │  ^
//	 │ the rate is so high          a train arrived  │  │ a train arrived
//	 │ that pauses would be         as fast as it    │  │ more slowly
//	 │ too short to be made         left             v  │
//	 └───────────────────────────────────────────── probing
//
// In each state frames leave differently:
//
//   - free: frames leave at once, and none is skipped.
//   - limited: frames leave a little faster than the link sends them. This adds no delay, because they wait for the link
//     anyway. The queue holds at most a tenth of a frame. (Pacing frames at the rate of the bottleneck: Wang et al.:
//     "Pudica", 2024.) If the source makes more than the link carries, some frames are skipped: those that would still wait
//     in the queue when the next one comes. So frames are skipped evenly, and the link is never idle.
//   - probing: as in limited, but the link is faster than the model assumed. Each frame leaves faster than the one before,
//     as long as the trains arrive as fast as they leave.
//
// The time that a frame would wait is computed, not measured. The link had sent the last reported train when the train's
// last packet arrived. Everything that left later is assumed to pass at the link's rate. An error lasts only until the next
// report.
package path
