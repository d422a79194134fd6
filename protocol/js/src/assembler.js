// Datagrams in, frames and feedback out. There is no socket here, no timer and no clock: the time is an argument, in
// milliseconds since 1970, such as performance.timeOrigin + performance.now().
import * as limits from "./limits.js";
import { count, hostOf, Stream } from "./stream.js";
import * as wire from "./wire.js";

/**
 * A picture. captured is when it was taken, by the clock of its camera's machine. key is the ID of the key that it was
 * sealed with, undefined if it came open. repaired says what made it whole, "" if nothing was missing. The bytes are yours.
 * @typedef {{stream: string, id: number, captured: number, jpeg: Uint8Array, from: string, key?: string,
 *   repaired: "" | "parity" | "request"}} Frame
 *
 * @typedef {object} Options
 * @property {(frame: Frame) => void} onFrame gets each frame
 * @property {(datagram: Uint8Array, to: string) => void} [onSend] sends a datagram to an address that `add` was given.
 *   Without it no reports and no requests leave: only parity repairs
 * @property {import("./seal.js").Keyring} [keyring] opens sealed streams. With it open ones are ignored, else sealed ones
 * @property {(why: "no-key" | "open" | "unproven", from: string) => void} [onIgnored] is told that a stream comes and is not
 *   shown, once a minute, and of one a second: its key is missing, it is open, or it may be a recording
 * @property {number} [latency] how long a whole frame waits for an older one; by default three round trips, at most 150
 * @property {number} [deadline] how long a frame may take, from its first segment on; by default 1000
 * @property {number} [tail] after how long a silence the rest of a frame counts as lost; by default 2.5
 * @property {boolean} [intact] what brings the datagrams checks them, so open frames need no check
 *
 * A datagram, and the key of its stream.
 * @typedef {{p: import("./wire.js").Prefix, key: string, b: Uint8Array, from: string, now: number, waited: boolean}} Arrival
 */

/** @returns {Record<string, number>} */
const none = () => ({});
/** Counts. byParity, byRequest and skipped are frames, dropped those by reason, leftOut datagrams by reason. */
const noStats = () => ({ frames: 0, frameBytes: 0, byParity: 0, byRequest: 0, skipped: 0, dropped: none(),
  datagrams: 0, expected: 0, received: 0, requests: 0, feedback: 0, leftOut: none() });

/** Turns the datagrams of any number of senders into frames. */
export class Assembler {
  stats = noStats();
  memory = { used: 0 }; // bytes in unfinished frames
  /** @type {Map<string, Stream>} */ #streams = new Map();
  /** When onIgnored was called, and what for. @type {Map<string, number>} */ #told = new Map();
  #toldAt = 0;

  /** @param {Options} options */
  constructor(options) {
    this.config = { ...options, deadline: options.deadline ?? limits.DEADLINE, oneWay: !options.onSend };
  }

  get #all() { return [...this.#streams.values()]; }

  /**
   * Takes a datagram that came from an address: IP:PORT, or another text that tells senders apart. The bytes are the
   * assembler's from then on. waited says that it came earlier, and this process was too busy to read it.
   * @param {Uint8Array} b @param {string} from @param {number} now
   */
  add(b, from, now, waited = false) {
    this.stats.datagrams++;
    const why = this.#add(wire.asArray(b), from, now, waited);
    if (why) count(this.stats.leftOut, why);
  }

  /** @param {Uint8Array} b @param {string} from @param {number} now @param {boolean} waited */
  #add(b, from, now, waited) {
    const p = wire.parsePrefix(b);
    if (!p) return "foreign";
    if (p.type === wire.ANSWER) return "unwanted"; // a Subscriber reads those
    if (p.sealed !== (this.config.keyring !== undefined)) {
      this.#ignored(p.sealed ? "no-key" : "open", from, now);
      return p.sealed ? "sealed" : "unsealed";
    }
    const key = `${p.session}/${p.stream}${p.sealed ? "" : "/" + from}`;
    if (p.type === wire.ANNOUNCEMENT || p.type === wire.SKIP) return this.#addControl({ p, key, b, from, now, waited });
    return wire.isSegment(p) ? this.#addSegment({ p, key, b, from, now, waited }) : "unknown-type";
  }

  /** @param {Arrival} d */
  #addSegment(d) {
    const { p, from, now } = d, large = d.b.buffer.byteLength > 2 * d.b.length + 4096;
    const b = large ? d.b.slice() : d.b; // it is kept, so it must not be a piece of a large buffer
    let s = this.#streams.get(d.key);
    const segment = wire.parseSegment(p, b);
    if (!segment) return "malformed";
    if (p.sealed && !s?.opener) return "unannounced";
    const unopened = s?.opener && (s.useless(segment) || s.opener.openSegment(segment, b));
    if (unopened) return unopened;
    s ??= this.#join(d);
    s.heard(b.length, from, now);
    const why = s.add(segment, now, d.waited);
    this.#makeRoom(segment.id, now);
    s.wake = now;
    this.#show(s, now);
    return why;
  }

  /** @param {Arrival} d */
  #addControl(d) {
    const { p, from, now } = d, { keyring, oneWay } = this.config;
    let s = this.#streams.get(d.key), open = d.b;
    if (p.type === wire.SKIP && !s) return "unannounced";
    if (keyring) {
      const opened = keyring.openAnnouncement(d.b, s?.opener ?? null, s?.seen ?? 0, now);
      if (opened === "no-key") this.#ignored(opened, from, now);
      if (typeof opened === "string") return opened === "no-key" ? "wrong-key" : opened;
      if (s && s.opener !== opened.opener) s = this.#forget(s);
      (s ??= this.#join(d)).opener = opened.opener;
      open = opened.open;
    }
    const skip = p.type === wire.SKIP && wire.parseSkip(open);
    const a = p.type === wire.ANNOUNCEMENT && wire.parseAnnouncement(open);
    if (!skip && !a) return "malformed";
    s ??= this.#join(d);
    s.heard(d.b.length, from, now);
    if (skip) s.skip(skip.first, skip.last, now);
    if (a) {
      s.asking.clock.hear(a.clock, now, !s.opener);
      s.opener?.announced(a, oneWay, now);
      if (!s.announced) s.asking.reported = 0; // so report now, and the next announcement echoes this receiver
      const { name } = s;
      if (s.believed) s.announce(a);
      if (s.label && s.name !== name) this.#name(s, now);
    }
    s.wake = now;
    this.#show(s, now);
    return "";
  }

  /** When to call expire: at once if a datagram has come, Infinity if nothing waits. It may change with every call. */
  get deadline() {
    let next = Infinity;
    for (const s of this.#streams.values()) next = Math.min(next, s.wake);
    return next;
  }

  /**
   * Does what is due: requests, reports, and giving up frames and streams. Before, add the datagrams that have come already:
   * else it asks for them. @param {number} now
   */
  expire(now) {
    for (const s of this.#streams.values()) {
      const silent = now - s.seen;
      if (silent >= limits.STREAM_EXPIRY || (silent >= limits.NEWCOMER_EXPIRY && !s.proven)) this.#forget(s);
      else if (now >= s.wake) {
        s.attend(now);
        this.#show(s, now);
      }
      if (!s.believed && now - s.joined >= limits.NEWCOMER_EXPIRY) this.#ignored("unproven", s.from, now);
    }
  }

  /** Shows a stream, if it may be shown. @param {Stream} s @param {number} now */
  #show(s, now) {
    if (s.label || !s.delivered || !s.believed || (!s.announced && now - s.joined < limits.NAME_WAIT)) return;
    this.#name(s, now);
    s.release();
  }

  /**
   * When a datagram of a stream that is shown last came from there, 0 if none did.
   * @param {string} from @param {string} name "" for any @param {string} [key] the ID of its key
   */
  heard(from, name, key) {
    const there = this.#all.filter((s) => s.label && s.from === from && s.opener?.key.id === key);
    return Math.max(0, ...there.filter((s) => !name || s.announced?.name === name).map((s) => s.seen));
  }

  /** The streams that are shown. rtt is their round trip, 0 if unknown; ahead is by how much the sender's clock is ahead. */
  get streams() {
    return this.#all.filter((s) => s.label).map((s) => ({ name: s.label, from: s.from, seen: s.seen, frames: s.delivered,
      announced: s.announced, rtt: s.asking.clock.rtt, ahead: s.asking.clock.best?.offset }));
  }

  /** @param {"no-key" | "open" | "unproven"} why @param {string} from @param {number} now */
  #ignored(why, from, now) {
    const what = `${why} ${hostOf(from)}`;
    if (now - (this.#told.get(what) ?? 0) < limits.TELL_AGAIN || now - this.#toldAt < limits.TELL_INTERVAL) return;
    if (this.#told.size >= limits.MAX_STREAMS) this.#told.clear();
    this.#told.set(what, (this.#toldAt = now));
    this.config.onIgnored?.(why, from);
  }

  /** Adds a stream. If too many are not shown, the weakest of these gives way. @param {Arrival} d */
  #join(d) {
    const newcomers = this.#all.filter((s) => !s.shown), s = new Stream(this, d);
    if (newcomers.length >= limits.MAX_NEWCOMERS) this.#forget(weakest(newcomers, d.now));
    this.#streams.set(d.key, s);
    return s;
  }

  /**
   * Names a stream, if it may be shown now. Two never share a name: who goes on sending keeps it. Streams with the same
   * session are one sender's, by several networks: only one of them is shown. @param {Stream} s @param {number} now
   */
  #name(s, now) {
    const host = hostOf(s.from), others = this.#all.filter((o) => o !== s && o.shown);
    if (!s.shown) {
      if (others.some((o) => o.session === s.session && now - o.seen < limits.FELL_SILENT)) return;
      if (!s.proven && others.filter((o) => !o.proven).length >= limits.MAX_EARLY) return;
      const least = others.length >= limits.MAX_STREAMS && weakest(others, now);
      if (least && !s.outranks(least, now)) return;
      if (least) this.#forget(least);
    }
    for (const label of [s.name, `${s.name}@${host}`, `${s.name}@${s.from}`]) {
      const holder = others.find((o) => o.label === label), same = holder && hostOf(holder.from) === host;
      if (holder && now - holder.seen < (!same ? limits.FELL_SILENT : s.opener ? 0 : limits.RESTARTED)) {
        if (!s.label && now - s.joined < limits.FELL_SILENT) return; // the holder may have ended just before s began
        continue;
      }
      if (holder) [holder.label, holder.shown] = ["", false];
      [s.label, s.shown] = [label, true];
      return;
    }
  }

  /** @param {Stream} s */
  #forget(s) {
    for (const p of s.pending) s.drop(p, "late");
    s.hold(null);
    this.#streams.delete(s.key);
    return undefined;
  }

  /**
   * Drops unfinished frames until all fit: the oldest of the weakest stream, but not that with this ID.
   * @param {number} keep @param {number} now
   */
  #makeRoom(keep, now) {
    while (this.memory.used > limits.MAX_PENDING_BYTES) {
      const full = this.#all.filter((s) => s.held || s.pending.some((p) => p.size && p.id !== keep));
      if (!full.length) return;
      const s = weakest(full, now), p = s.pending.find((p) => p.size && p.id !== keep);
      if (p) s.drop(p, "over-limit");
      else s.hold(null);
    }
  }
}

/** @param {Stream[]} streams @param {number} now */
const weakest = (streams, now) => streams.reduce((a, b) => (a.outranks(b, now) ? b : a));
