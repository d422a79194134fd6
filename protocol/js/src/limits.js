// The bounds on what comes from the network, and how long a receiver waits and how often it asks. Times are milliseconds.
// protocol/limits.go says which attack each bound stops, protocol/policy.go where each time comes from.
export const MAX_NAME = 64, MAX_RELAYS = 8; // bytes in the name of a stream; relays that it may come through
export const MAX_PENDING_BYTES = 64 << 20, MAX_PENDING_FRAMES = 32; // unfinished frames of all streams; of one
export const MAX_STREAMS = 64, MAX_NEWCOMERS = 256; // streams that are shown; that are not shown yet
export const TELL_INTERVAL = 1000, TELL_AGAIN = 60_000; // the user is told of ignored streams; of the same one
export const MAX_EARLY = 4; // streams that are shown and have not yet gone on for PROVEN_TIME
export const MAX_ASKED_GAP = 8, MAX_COUNTED_GAP = 1 << 12; // frames in a row of which nothing came: asked for; counted
export const MAX_AHEAD = 64, STRAY_SILENCE = 250; // an open frame farther from the newest counts only after so much silence
export const MAX_RENAMES = 3; // announcements in a row with another name that change nothing
export const REPLAY_WINDOW = 128; // by how many frames a sealed segment may be older than the newest announced frame
export const DEADLINE = 1000, NAME_WAIT = 1000; // for the rest of a frame; for the announcement of a new stream
export const STREAM_EXPIRY = 30_000, NEWCOMER_EXPIRY = 2000, PROVEN_TIME = 300; // silence after which a stream is forgotten
export const SESSION_SILENCE = 2000; // of a sealed stream, and another with its session may take its place
export const FELL_SILENT = 500, RESTARTED = 250; // silence after which a stream loses its name; to one from the same host
export const ECHOABLE = 5000, CLOCK_WINDOW = 10_000; // how old an echoed datagram may be; how long the shortest trip counts
export const MAX_TRAINS = 8; // in a report
export const REPORT_INTERVAL = 200, URGENT_INTERVAL = 10; // usually; if there is trouble
export const SLOW_TRAIN = 2, EARLY_REPORTS = 1000; // reported at once: trains with this span, and those of a stream so new
export const REQUEST_SHARE = 8, REPORT_SHARE = 2; // received bytes for each of feedback, with a request; with a report
export const MAX_ASKS = 8, MAX_UNANSWERED = 4; // requests for one frame; that were repeated, after which no frame waits
export const TAIL_WAIT = 2.5; // of silence in a frame, and the rest of it counts as lost
export const MAX_REORDER = 20, ORDER_MEMORY = 64; // how late a datagram may be; each frame forgets a 64th of it
export const GUESSED_RTT = 20, PATIENCE_SLACK = 2; // before the first measurement; added before a request is repeated
export const LATENCY_TRIPS = 3, LATENCY_SLACK = 10, MAX_LATENCY = 150; // how long a whole frame waits for an older one
