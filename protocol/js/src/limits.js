// The bounds on what comes from the network, and how long a receiver waits and how often it asks. Times are milliseconds.
// protocol/limits.go says which attack each bound stops, protocol/policy.go where each time comes from.

export const MAX_NAME = 64; // bytes in the name of a stream
export const MAX_RELAYS = 8; // that a stream may come through
export const MAX_PENDING_BYTES = 64 << 20; // in the unfinished frames of all streams
export const MAX_PENDING_FRAMES = 32; // unfinished frames of one stream
export const MAX_STREAMS = 64; // that are shown
export const MAX_NEWCOMERS = 256; // that are not shown yet
export const MAX_EARLY = 4; // that are shown and have not yet proved that they go on
export const MAX_ASKED_GAP = 8; // frames in a row of which nothing came, and which are asked for
export const MAX_COUNTED_GAP = 1 << 12; // frames in a row of which nothing came, and which count as lost
export const MAX_AHEAD = 64; // how far the ID of an open frame may be from that of the newest, while frames come
export const STRAY_SILENCE = 250; // no frame for so long, and the stream may go on elsewhere
export const MAX_RENAMES = 3; // announcements in a row with another name that change nothing
export const REPLAY_WINDOW = 128; // by how many frames a sealed segment may be older than the newest announced frame

export const DEADLINE = 1000; // from the first segment of a frame until it is given up
export const NAME_WAIT = 1000; // for the announcement of a new stream
export const STREAM_EXPIRY = 30_000; // of silence, and a stream is forgotten
export const NEWCOMER_EXPIRY = 2000; // the same for one that has not proved that it goes on, by going on for PROVEN_TIME
export const PROVEN_TIME = 300;
export const SESSION_SILENCE = 2000; // of a sealed stream, and another with its session may take its place
export const FELL_SILENT = 500; // a stream that is silent for so long loses its name, RESTARTED if the other is from its host
export const RESTARTED = 250;
export const ECHOABLE = 5000; // how old a datagram may be that is echoed
export const CLOCK_WINDOW = 10_000; // how long the shortest round trip counts

export const MAX_TRAINS = 8; // in a report
export const REPORT_INTERVAL = 200; // and URGENT_INTERVAL if there is trouble: a loss, or a train with this span
export const URGENT_INTERVAL = 10;
export const SLOW_TRAIN = 2;
export const EARLY_REPORTS = 1000; // for so long each train of a new stream is reported at once
export const REQUEST_SHARE = 8; // received bytes for each of feedback, with a request; and with a report
export const REPORT_SHARE = 2;
export const MAX_ASKS = 8; // requests for one frame
export const MAX_UNANSWERED = 4; // requests in a row that had to be repeated: then no frame waits for answers
export const TAIL_WAIT = 2.5; // of silence in a frame, and the rest of it counts as lost
export const MAX_REORDER = 20; // how late a datagram may be that does not count as lost
export const ORDER_MEMORY = 64; // each frame takes off one part in so many of what was measured
export const GUESSED_RTT = 20;
export const LATENCY_TRIPS = 3; // a whole frame waits for so many round trips and LATENCY_SLACK, at most MAX_LATENCY
export const LATENCY_SLACK = 10;
export const MAX_LATENCY = 150;
export const PATIENCE_SLACK = 2; // added to the time after which a request is repeated
