// Package path is a model of the path from a sender to one receiver. It is fed with what was sent and with what the
// receiver reports, and says how the next frame is to leave: whether at all, with how much parity, and how fast. It is
// pure: it has no socket, no goroutine and no clock; now is an argument.
//
// A frame is a train of packets. What a receiver reports of each train (see [protocol.Train]) tells four things:
//
//   - The rate of the narrowest link. A train cannot arrive faster than that link sends it: its bytes over its span are a
//     lower bound, and the truth if it left faster than it arrived. The largest of the last trains counts. (Packet train
//     dispersion: Dovrolis, Ramanathan, Moore: "What do packet dispersion techniques measure?", 2001. The maximum filter is
//     BBR's: Cardwell et al., 2016, and draft-ietf-ccwg-bbr. That one frame suffices: Fouladi et al.: "Salsify", 2018.)
//   - How long it waited in queues: by how much its first packet took longer than the fastest of the last seconds. (A
//     minimum filter, as in BBR and SCReAM, RFC 8298.)
//   - Where queues end. A full queue loses the end of a train; a radio loses anywhere in it.
//   - What is lost otherwise, for which there is parity. Loss as such makes nothing slower.
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
// They say how frames leave:
//
//   - free: frames leave at once, and none is skipped.
//   - limited: frames leave a little faster than the link takes them. That costs no delay, for the link is what they wait
//     for, and the queue holds a tenth of a frame at the most. (Pacing frames at the rate of the bottleneck: Wang et al.:
//     "Pudica", 2024.) If the source makes more than the link carries, a frame is skipped that would wait in the queue for
//     longer than until the next one comes. So frames are skipped evenly, and the link is never idle.
//   - probing: the same, but the link has turned out to be faster than was thought. Each frame leaves faster than the one
//     before, as long as the trains arrive as fast as they leave.
//
// How long a frame would wait is computed, not measured: the link was done with the newest train of which a report tells
// when its last packet came; what was sent since then waits, and is sent at the link's rate. So an error lasts only until
// the next report, and a frame is sent or skipped by what is on the way at this moment.
package path
