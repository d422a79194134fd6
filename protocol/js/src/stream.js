// One sender's stream: its datagrams become frames, which are handed on in the order of their IDs. frame.js places and
// repairs, asking.js tells the sender what is missing.
import { Asking } from "./asking.js";
import { DONE, PendingFrame, UNSEEN, WHOLE } from "./frame.js";
import * as limits from "./limits.js";
import { checksum } from "./repair.js";
import { newer, sameFrame, timeNear, viewOf } from "./wire.js";

/** @typedef {import("./wire.js").Segment} Segment */
/** @param {string} from */
export const hostOf = (from) => from.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
/** @param {Record<string, number>} counts @param {string} what @param {number} [n] */
export const count = (counts, what, n = 1) => (counts[what] = (counts[what] ?? 0) + n);

export class Stream {
  delivered = 0; // frames that were whole and intact
  shown = false; label = ""; // whether its frames are handed on, and the name under which they are
  wake = 0; // when to attend to it at the latest
  asking = new Asking(this);
  /** @type {import("./wire.js").Announcement | null} */ announced = null;
  /** Null if the stream is open. @type {import("./seal.js").Opener | null} */ opener = null;
  /** The newest frame, as long as the stream has no name. @type {import("./assembler.js").Frame | null} */ held = null;
  /** Frames that are not handed on yet, by ID. @type {PendingFrame[]} */ pending = [];
  /** The last few others. Datagrams of these may still come. @type {PendingFrame[]} */ finished = [];
  #started = false; #handedAt = 0; // whether a frame has been handed on, and when
  #newest = 0; // the ID of the last one that was; before the first one, an ID far below those that come
  #reach = 0; // the ID of the newest frame that was handed on, or that the sender has left out
  #known = 0; // how many frames were finished since the newest
  #renames = 0;

  /** @param {import("./assembler.js").Assembler} all @param {import("./assembler.js").Arrival} d its first datagram */
  constructor(all, { p, key, from, now }) {
    this.all = all;
    this.prefix = p;
    this.session = `${p.session}/${p.stream}`;
    this.key = key;
    this.from = from; // where the last datagram came from, and when
    this.seen = this.joined = now;
    this.asking.reported = now;
  }

  /** Whether it may be shown. A sealed one must first prove that it is no recording. */
  get believed() { return !this.opener || this.opener.live; }
  /** Whether it has proved that it goes on. */
  get proven() { return this.delivered > 0 && (this.opener !== null || this.seen - this.joined >= limits.PROVEN_TIME); }
  get name() { return this.announced?.name || hostOf(this.from); }

  /**
   * Whether it is worth more than another: that one fell silent, or has delivered less.
   * @param {Stream} o @param {number} now
   */
  outranks(o, now) {
    const alive = now - this.seen < limits.NEWCOMER_EXPIRY, other = now - o.seen < limits.NEWCOMER_EXPIRY;
    return alive !== other ? alive : (this.delivered - o.delivered || this.asking.received - o.asking.received) > 0;
  }

  /** @param {number} size @param {string} from @param {number} now */
  heard(size, from, now) {
    [this.from, this.seen] = [from, now];
    this.asking.heard(size);
  }

  /**
   * Puts a segment into its frame. Returns why it is of no use, or "".
   * @param {Segment} s @param {number} now @param {boolean} waited
   */
  add(s, now, waited) {
    const p = this.#frame(s, now), { memory } = this.all;
    if (typeof p === "string") return p;
    if (!s.isAnswer) this.asking.arrived(p, s, now, waited);
    const why = p.useless(s);
    if (why) return why;
    p.place(s, memory);
    if (s.isAnswer) [p.helped, this.asking.unanswered] = [true, 0];
    if (p.missing) return "";
    const jpeg = p.join(memory), n = jpeg.length, v = viewOf(jpeg);
    if (!this.opener && !this.all.config.intact && checksum(jpeg) !== s.crc) this.drop(p, "corrupt");
    else if (n < 4 || v.getUint16(0) !== 0xffd8 || v.getUint16(n - 2) !== 0xffd9) this.drop(p, "not-jpeg");
    else [p.state, p.wholeAt, this.delivered] = [WHOLE, now, this.delivered + 1];
    this.handOn(now, false);
    return "";
  }

  /** The frame with that ID, if anything is known of it. @param {number} id */
  #find(id) { return this.pending.find((p) => p.id === id) ?? this.finished.find((p) => p.id === id); }

  /** The frame that a segment belongs to, or why there is none. @param {Segment} s @param {number} now */
  #frame(s, now) {
    const joining = !this.#started && !this.pending.length;
    if (joining) this.#newest = this.#reach = (s.id - 2 ** 30) >>> 0; // older frames may still come
    const ahead = newer(s.id - limits.MAX_AHEAD, this.#reach), behind = newer(this.#newest - limits.MAX_AHEAD, s.id);
    if (!this.opener && this.#started && (ahead || behind)) { // it may be forged, unless the stream goes on there
      if (now - this.#handedAt < limits.STRAY_SILENCE) return ahead ? "stray" : "late";
      if (behind) {
        for (const p of this.pending) this.drop(p, "superseded");
        this.finished.push(...this.pending.splice(0));
        [this.#newest, this.#reach, this.#known] = [(s.id - 1) >>> 0, (s.id - 1) >>> 0, 0];
      }
    }
    let p = this.#find(s.id);
    if (!newer(s.id, this.#newest)) return p?.head && sameFrame(p.head, s) ? p : "late";
    if (!p) {
      p = new PendingFrame(s.id, now + this.all.config.deadline);
      p.partial = joining && (s.isParity || s.index > 0);
      if (!this.#insert(p, now)) return "over-limit";
    }
    if (p.state === UNSEEN || (p.state === DONE && !p.head)) p.open(s, this.all.memory); // the second if a Skip was wrong
    return p.head && sameFrame(p.head, s) ? p : "inconsistent";
  }

  /** Why a sealed segment is certainly of no use, by its header, or "". @param {Segment} s */
  useless(s) {
    const p = this.#find(s.id);
    if (!p) return (this.#started || this.pending.length) && !newer(s.id, this.#newest) ? "late" : "";
    if (!s.isAnswer || !p.head) return p.places.has(p.placeOf(s)) ? "duplicate" : ""; // others count in the report
    return sameFrame(p.head, s) ? p.useless(s) : "inconsistent";
  }

  /**
   * Adds a new frame, and those before it of which nothing came. False: it is the oldest of too many.
   * @param {PendingFrame} p @param {number} now
   */
  #insert(p, now) {
    const all = this.pending;
    let at = all.length;
    while (at && newer(all[at - 1].id, p.id)) at--;
    if (all.length >= limits.MAX_PENDING_FRAMES) { // that of which least has come gives way
      if (!at) return false;
      const gone = all.indexOf(all.reduce((a, b) => (b.size < a.size ? b : a)));
      this.drop(all.splice(gone, 1)[0], "superseded");
      this.#known++;
      if (gone < at) at--;
    }
    for (const older of all.slice(0, at)) older.over ||= now; // the sender has gone on to a newer frame
    if (at < all.length) p.over = now;
    const last = all.at(-1)?.id ?? this.#newest, gap = (p.id - last - 1) >>> 0;
    if (this.#started && !this.all.config.oneWay && gap <= limits.MAX_ASKED_GAP) {
      for (let i = 1; i <= gap && all.length < limits.MAX_PENDING_FRAMES; i++) {
        const unseen = new PendingFrame((last + i) >>> 0, now + this.all.config.deadline);
        unseen.over = now;
        at = all.push(unseen);
      }
    }
    all.splice(at, 0, p);
    return true;
  }

  /**
   * Removes and returns the first whole frame, or returns until when it waits for an older one.
   * @param {number} now @param {boolean} giveUp whether an older one may be given up
   */
  #next(now, giveUp) {
    const first = this.pending.findIndex((o) => o.state === WHOLE), p = this.pending[first];
    if (!p) return Infinity;
    const older = this.pending.slice(0, first), until = p.wholeAt + this.asking.latency;
    if ((now < until || !giveUp) && older.some((o) => o.waits && !o.partial)) return until;
    for (const o of older) this.drop(o, "superseded");
    const gap = (p.id - this.#newest - 1 - this.#known - first) | 0; // the known ones were counted when they were dropped
    if (this.#started && gap > 0 && gap <= limits.MAX_COUNTED_GAP) count(this.all.stats.dropped, "lost", gap);
    this.finished.push(...this.pending.splice(0, first + 1));
    [this.#started, this.#newest, this.#known, this.#handedAt] = [true, p.id, 0, now];
    if (!newer(this.#reach, p.id)) this.#reach = p.id;
    return p;
  }

  /** Drops a frame. @param {PendingFrame} p @param {string} why */
  drop(p, why) {
    if (p.state === DONE) return;
    if (!p.partial) count(this.all.stats.dropped, p.state === UNSEEN ? "lost" : why);
    p.free(this.all.memory);
  }

  /**
   * Notes that the sender leaves out frames. It does not count for one of which something comes.
   * @param {number} first @param {number} last @param {number} now
   */
  skip(first, last, now) {
    if (!this.#started || newer(last - limits.MAX_AHEAD, this.#reach)) return;
    for (const from of [this.#newest + 1, last - limits.MAX_PENDING_FRAMES + 1]) if (newer(from, first)) first = from >>> 0;
    for (let id = first; !newer(id, last); id = (id + 1) >>> 0) {
      let p = this.#find(id);
      if (!p && !this.#insert((p = new PendingFrame(id, now + this.all.config.deadline)), now)) continue;
      if (p.state !== UNSEEN) continue;
      p.partial = true; // it is not lost
      this.drop(p, "left out");
      this.all.stats.skipped++;
    }
    if (newer(last, this.#reach)) this.#reach = last;
  }

  /**
   * Notes an announcement. An open stream gets another name only if several in a row say so: one may be forged.
   * @param {import("./wire.js").Announcement} a
   */
  announce(a) {
    const same = this.opener || !this.announced || this.announced.name === a.name || this.#renames++ >= limits.MAX_RENAMES;
    if (same) this.#renames = 0;
    this.announced = same ? a : { ...a, name: this.name };
  }

  /** Hands on frames that are next. Returns until when another waits. @param {number} now @param {boolean} giveUp */
  handOn(now, giveUp) {
    for (;;) {
      const p = this.#next(now, giveUp), { stats, memory } = this.all;
      if (typeof p === "number") return p;
      const repaired = p.helped ? "request" : p.repaired ? "parity" : "";
      if (repaired) stats[repaired === "request" ? "byRequest" : "byParity"]++;
      const captured = timeNear(p.head?.captured ?? 0, now), [jpeg = new Uint8Array()] = p.data;
      p.free(memory);
      this.hold({ stream: "", id: p.id, captured, jpeg, from: this.from, key: this.opener?.key.id, repaired });
      this.asking.fade();
      this.release();
    }
  }

  /** Does all that is due. @param {number} now */
  attend(now) {
    const { pending, finished, asking } = this, named = this.joined + limits.NAME_WAIT;
    for (const p of pending) if (p.waits && now >= p.deadline) this.drop(p, "late");
    const next = this.handOn(now, true);
    for (const p of [...finished, ...pending]) asking.closeTrain(p, now);
    for (const p of finished.splice(0, finished.length - 2)) asking.closeTrain(p, now, true);
    const waits = pending.filter((p) => p.waits).flatMap((p) => [asking.ask(p, now), p.deadline]);
    this.wake = Math.min(next, this.label || named <= now ? Infinity : named, ...waits, asking.makeReport(now));
  }

  hold(/** @type {import("./assembler.js").Frame | null} */ frame) {
    this.all.memory.used += (frame?.jpeg.length ?? 0) - (this.held?.jpeg.length ?? 0);
    this.held = frame;
  }

  /** Hands on the frame that is held, if the stream has a name. */
  release() {
    const frame = this.held, { stats, config } = this.all;
    if (!this.label || !frame) return;
    this.hold(null);
    if (this.opener && frame.id < this.opener.oldest) return; // it may be a recording of this session
    stats.frames++;
    stats.frameBytes += frame.jpeg.length;
    config.onFrame({ ...frame, stream: this.label });
  }
}
