// A frame on its way: segments are put in their places, and repaired. Nothing is set aside for what a header only claims: a
// frame holds the datagrams that have come, and becomes one piece of memory when it is whole.
import { repair } from "./repair.js";

/** @typedef {import("./wire.js").Segment} Segment */
/** How many bytes all unfinished frames hold. @typedef {{used: number}} Memory */

export const UNSEEN = 0, COLLECTING = 1, WHOLE = 2, DONE = 3;
const FRAME_OVERHEAD = 1024, SEGMENT_OVERHEAD = 256; // about how many bytes they take besides the payload

export class PendingFrame {
  state = UNSEEN; wholeAt = 0; // of an unseen one nothing has come: a gap between IDs shows that it exists
  /** The first segment. What it says of the frame counts. @type {Segment | null} */ head = null;
  /** The data segments. @type {(Uint8Array | undefined)[]} */ data = [];
  /** Of each block, the parity segments by their rows. @type {Map<number, Uint8Array>[]} */ rows = [];
  missing = 0; short = new Uint8Array(0); // how many data segments are missing: of all, and of each block
  size = 0; // bytes of memory
  asks = 0; asked = 0; // how often the sender was asked for it, and when last
  helped = false; repaired = false; // by an answer to a request; by parity
  partial = false; // it does not count as lost: the stream was joined in the middle of it, or the sender left it out

  // When the datagrams came, but for answers to requests. Their places are numbered in the order of sending.
  over = 0; // when the last place, or a newer frame, has shown that sending has ended
  closed = false; // whether it has been reported
  first = 0; last = 0; // when the first and the last one came
  sent = 0; // how many were sent, as far as this end can tell
  /** Those that have come. @type {Set<number>} */ places = new Set();
  #waited = 0; // how much of the time was none of the path's
  #sums = { x: 0, y: 0, xx: 0, xy: 0 }; // over the points (place, time)

  /** @param {number} id @param {number} deadline */
  constructor(id, deadline) {
    this.id = id;
    this.deadline = deadline;
  }

  /** Whether it may still become whole. */
  get waits() { return this.state <= COLLECTING; }

  /** @param {Memory} memory @param {number} size */
  #resize(memory, size) {
    memory.used += size - this.size;
    this.size = size;
  }

  /** @param {Segment} s @param {Memory} memory */
  open(s, memory) {
    [this.head, this.state, this.missing] = [s, COLLECTING, s.n];
    this.short = new Uint8Array(s.blocks).map((_, block) => Math.ceil((s.n - block) / s.blocks));
    this.#resize(memory, FRAME_OVERHEAD);
  }

  /** Why it has no use for a segment that agrees with it, or "". @param {Segment} s */
  useless(s) {
    if (this.wholeAt) return "spare";
    if (this.state === DONE) return "late";
    if (!s.isParity) return this.data[s.index] ? "duplicate" : "";
    return !this.short[s.block] ? "spare" : this.rows[s.block]?.has(s.index) ? "duplicate" : "";
  }

  /**
   * Puts a useful segment into its place, and repairs its block if there is enough parity.
   * @param {Segment} s @param {Memory} memory
   */
  place(s, memory) {
    const { block, blocks } = s, rows = (this.rows[block] ??= new Map());
    this.#resize(memory, this.size + s.payload.length + SEGMENT_OVERHEAD);
    if (s.isParity) rows.set(s.index, s.payload);
    else this.#got(s.index, s.payload, blocks);
    if (!this.short[block] || rows.size < this.short[block]) return;
    const shards = Array.from({ length: Math.ceil((s.n - block) / blocks) }, (_, c) => this.data[c * blocks + block]);
    repair(shards, rows, s.k, s.stride);
    shards.forEach((shard, c) => this.data[c * blocks + block] || this.#got(c * blocks + block, shard, blocks));
    rows.clear(); // so that what is held stays what has come
    this.repaired = true;
  }

  /** @param {number} index @param {Uint8Array | undefined} shard @param {number} blocks */
  #got(index, shard, blocks) {
    this.data[index] = shard;
    this.missing--;
    this.short[index % blocks]--;
  }

  /** What a block lacks, as a request, or null. @param {number} block @returns {import("./wire.js").Request | null} */
  shortage(block) {
    const need = this.short[block] - (this.rows[block]?.size ?? 0), missing = [];
    if (need <= 0 || !this.head) return null;
    for (let j = 0, at = block; at < this.head.n; j++, at += this.head.blocks) if (!this.data[at]) missing.push(j);
    return { id: this.id, block, need, k: this.head.k, missing };
  }

  /** The bytes of a frame that has all its segments. Then it holds nothing else. @param {Memory} memory */
  join(memory) {
    const { length = 0, stride = 0 } = this.head ?? {}, jpeg = new Uint8Array(length);
    this.data.forEach((shard, i) => shard && jpeg.set(shard.subarray(0, length - i * stride), i * stride));
    [this.data, this.rows] = [[jpeg], []];
    this.#resize(memory, length);
    return jpeg;
  }

  /** Lets go of its bytes. @param {Memory} memory */
  free(memory) {
    this.#resize(memory, 0);
    [this.state, this.data, this.rows] = [DONE, [], []];
  }

  /** The place of a segment in the order of sending: first all data, then all parity. @param {Segment} s */
  placeOf(s) { return s.isParity ? s.n + s.index * s.blocks + s.block : s.index; }

  /**
   * Notes a datagram. Returns how late it is, if sending had ended before it came. If it has waited here until it was read,
   * the time since the last one is none of the path's. @param {Segment} s @param {number} now @param {boolean} waited
   */
  note(s, now, waited) {
    if (!this.sent) [this.sent, this.first, this.last] = [s.n + s.parity * s.blocks, now, now];
    if (waited) this.#waited += now - this.last;
    const x = this.placeOf(s), y = now - this.first - this.#waited, sums = this.#sums;
    if (this.places.has(x)) return 0;
    this.places.add(x);
    [sums.x, sums.y, sums.xx, sums.xy] = [sums.x + x, sums.y + y, sums.xx + x * x, sums.xy + x * y];
    [this.sent, this.last] = [Math.max(this.sent, x + 1), now];
    if (this.over) return waited ? 0 : now - this.over;
    if (x + 1 === this.sent) this.over = now;
    return 0;
  }

  /** What came, for a report. @returns {import("./wire.js").Train} */
  train() {
    const { places, sent, id, first } = this, came = places.size, half = sent >> 1, { x, y, xx, xy } = this.#sums;
    const slope = came * xx > x * x ? (came * xy - x * y) / (came * xx - x * x) : 0; // of the line through the points
    let early = 0, runs = came && !places.has(0) ? 1 : 0;
    for (const at of places) {
      if (at < half) early++;
      if (at + 1 < sent && !places.has(at + 1)) runs++;
    }
    const took = this.last - first - this.#waited, span = Math.max(0, slope * (sent - 1));
    return { id, first, came, took, span, lostFirst: half - early, lostSecond: sent - half - came + early, runs };
  }
}
