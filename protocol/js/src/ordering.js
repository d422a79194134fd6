// The frames of one stream, in the order of their IDs, until they are handed on or dropped.
import * as limits from "./limits.js";
import { DONE, PendingFrame, UNSEEN, WHOLE } from "./frame.js";
import { newer, sameFrame } from "./wire.js";

/** @typedef {import("./wire.js").Segment} Segment */

/** @param {Record<string, number>} counts @param {string} what @param {number} [n] */
export const count = (counts, what, n = 1) => (counts[what] = (counts[what] ?? 0) + n);

export class Ordering {
  /** @type {PendingFrame[]} */ pending = [];
  /** The last few; datagrams of these may still come. @type {PendingFrame[]} */ finished = [];
  started = false; // whether a frame has been handed on
  newest = 0; // the ID of the last one that was; before the first one, an ID far below those that come
  #reach = 0; // the ID of the newest frame that was handed on, or that the sender has left out
  #handedAt = 0;
  #known = 0; // how many frames were finished since the newest

  /**
   * @param {{deadline: number, oneWay: boolean}} config @param {import("./assembler.js").Stats} stats
   * @param {import("./frame.js").Memory} memory @param {boolean} open whether IDs may be forged
   */
  constructor(config, stats, memory, open) {
    this.config = config;
    this.stats = stats;
    this.memory = memory;
    this.open = open;
  }

  /** The frame with that ID, if anything is known of it. @param {number} id */
  find(id) { return this.pending.find((p) => p.id === id) ?? this.finished.find((p) => p.id === id); }

  /** The frame that a segment belongs to, or why there is none. @param {Segment} s @param {number} now */
  frame(s, now) {
    const joining = !this.started && !this.pending.length;
    if (joining) this.newest = this.#reach = (s.id - 2 ** 30) >>> 0; // older frames may still come
    if (this.#far(s.id)) {
      if (now - this.#handedAt < limits.STRAY_SILENCE) return newer(s.id, this.newest) ? "stray" : "late"; // it may be forged
      if (!newer(s.id, this.newest)) this.#restart(s.id);
    }
    let p = this.find(s.id);
    if (!newer(s.id, this.newest)) return p?.head && sameFrame(p.head, s) ? p : "late";
    if (!p) {
      p = new PendingFrame(s.id, now + this.config.deadline);
      p.partial = joining && (s.isParity || s.index > 0);
      if (!this.#insert(p, now)) return "over-limit";
    }
    if (p.state === UNSEEN || (p.state === DONE && !p.head)) p.open(s, this.memory); // the second if a Skip was wrong
    return p.head && sameFrame(p.head, s) ? p : "inconsistent";
  }

  /** Why a sealed segment is certainly of no use, by its header, or "". @param {Segment} s */
  useless(s) {
    const p = this.find(s.id);
    if (!p) return (this.started || this.pending.length) && !newer(s.id, this.newest) ? "late" : "";
    if (!s.isAnswer || !p.head) return p.places.has(p.placeOf(s)) ? "duplicate" : ""; // others count in the report
    return sameFrame(p.head, s) ? p.useless(s) : "inconsistent";
  }

  /** Adds a new frame, and those before it of which nothing came. False: it is the oldest of too many. @param {PendingFrame} p @param {number} now */
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
    else if (this.started && !this.config.oneWay) {
      const last = all.at(-1)?.id ?? this.newest, gap = (p.id - last - 1) >>> 0;
      for (let i = 1; i <= gap && gap <= limits.MAX_ASKED_GAP && all.length < limits.MAX_PENDING_FRAMES; i++) {
        const unseen = new PendingFrame((last + i) >>> 0, now + this.config.deadline);
        unseen.over = now;
        at = all.push(unseen);
      }
    }
    all.splice(at, 0, p);
    return true;
  }

  /** Removes and returns the first whole frame, or returns until when it waits for an older one. @param {number} latency @param {number} now */
  next(latency, now) {
    const first = this.pending.findIndex((p) => p.state === WHOLE), p = this.pending[first], older = this.pending.slice(0, first);
    if (!p) return Infinity;
    if (now < p.wholeAt + latency && older.some((o) => o.waits && !o.partial)) return p.wholeAt + latency;
    for (const o of older) this.drop(o, "superseded");
    const gap = (p.id - this.newest - 1 - this.#known - first) | 0; // the known ones were counted when they were dropped
    if (this.started && gap > 0 && gap <= limits.MAX_COUNTED_GAP) count(this.stats.dropped, "lost", gap);
    this.finished.push(...this.pending.splice(0, first + 1));
    [this.started, this.newest, this.#known, this.#handedAt] = [true, p.id, 0, now];
    if (!newer(this.#reach, p.id)) this.#reach = p.id;
    return p;
  }

  /** Whether an ID is so far from the newest that it may be forged. @param {number} id */
  #far(id) { return this.open && this.started && (newer(id - limits.MAX_AHEAD, this.#reach) || newer(this.newest - limits.MAX_AHEAD, id)); }

  /** Makes the frame with that ID the next one. @param {number} id */
  #restart(id) {
    for (const p of this.pending) this.drop(p, "superseded");
    this.finished.push(...this.pending.splice(0));
    [this.newest, this.#reach, this.#known] = [(id - 1) >>> 0, (id - 1) >>> 0, 0];
  }

  /** Drops a frame. @param {PendingFrame} p @param {string} why */
  drop(p, why) {
    if (p.state === DONE) return;
    if (!p.partial) count(this.stats.dropped, p.state === UNSEEN ? "lost" : why);
    p.free(this.memory);
  }

  /** Notes that the sender leaves out frames. It does not count for one of which something comes. @param {number} first @param {number} last @param {number} now */
  skip(first, last, now) {
    if (!this.started || newer(last - limits.MAX_AHEAD, this.#reach)) return;
    for (const from of [this.newest + 1, last - limits.MAX_PENDING_FRAMES + 1]) if (newer(from, first)) first = from >>> 0;
    for (let id = first; !newer(id, last); id = (id + 1) >>> 0) {
      let p = this.find(id);
      if (!p && !this.#insert((p = new PendingFrame(id, now + this.config.deadline)), now)) continue;
      if (p.state !== UNSEEN) continue;
      p.partial = true; // it is not lost
      this.drop(p, "left out");
      this.stats.skipped++;
    }
    if (newer(last, this.#reach)) this.#reach = last;
  }
}
