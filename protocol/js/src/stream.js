// One sender's stream: its datagrams become frames. ordering.js finds the frame of each segment and hands on whole ones,
// frame.js places and repairs, asking.js tells the sender what is missing.
import { Asking } from "./asking.js";
import { WHOLE } from "./frame.js";
import * as limits from "./limits.js";
import { Ordering } from "./ordering.js";
import { checksum } from "./repair.js";
import { timeNear } from "./wire.js";

/** @param {string} from */
export const hostOf = (from) => from.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");

export class Stream {
  delivered = 0; // frames that were whole and intact
  shown = false; // whether its frames are handed on
  label = ""; // the name under which they are
  wake = 0; // when to attend to it at the latest
  #renames = 0;
  /** @type {import("./wire.js").Announcement | null} */ announced = null;
  /** Null if the stream is open. @type {import("./seal.js").Opener | null} */ opener = null;
  /** The newest frame, as long as the stream has no name. @type {import("./assembler.js").Frame | null} */ held = null;

  /** @param {import("./assembler.js").Assembler} all @param {string} key @param {import("./wire.js").Prefix} p @param {string} from @param {number} now */
  constructor(all, key, p, from, now) {
    this.all = all;
    this.key = key;
    this.id = `${p.session}/${p.stream}`;
    this.from = from; // where its last datagram came from
    this.joined = now;
    this.seen = now; // when that was
    this.ordering = new Ordering(all.config, all.stats, all.memory, !p.sealed);
    this.asking = new Asking(all.config, all.stats, p, now, (b) => all.config.onSend?.(b, this.from));
  }

  /** Whether it may be shown. A sealed one must first prove that it is no recording. */
  get believed() { return !this.opener || this.opener.live; }
  /** Whether it has proved that it goes on. */
  get proven() { return this.delivered > 0 && (this.opener !== null || this.seen - this.joined >= limits.PROVEN_TIME); }
  get name() { return this.announced?.name || hostOf(this.from); }

  /** Whether it is worth more than another: that one fell silent, or has delivered less. @param {Stream} o @param {number} now */
  outranks(o, now) {
    const alive = now - this.seen < limits.NEWCOMER_EXPIRY, other = now - o.seen < limits.NEWCOMER_EXPIRY;
    return alive !== other ? alive : (this.delivered - o.delivered || this.asking.received - o.asking.received) > 0;
  }

  /** @param {number} size @param {string} from @param {number} now */
  heard(size, from, now) {
    [this.from, this.seen] = [from, now];
    this.asking.heard(size);
  }

  /** Puts a segment into its frame. Returns why it is of no use, or "". @param {import("./wire.js").Segment} s @param {number} now */
  add(s, now) {
    const { ordering, asking } = this, p = ordering.frame(s, now);
    if (typeof p === "string") return p;
    if (!s.isAnswer) asking.arrived(p, s, now);
    const why = p.useless(s);
    if (why) return why;
    p.place(s, ordering.memory);
    if (s.isAnswer) {
      p.helped = true;
      asking.answered();
    }
    if (p.missing) return "";
    const jpeg = p.join(ordering.memory), n = jpeg.length;
    if (!this.opener && checksum(jpeg) !== s.crc) ordering.drop(p, "corrupt");
    else if (n < 4 || jpeg[0] !== 0xff || jpeg[1] !== 0xd8 || jpeg[n - 2] !== 0xff || jpeg[n - 1] !== 0xd9) ordering.drop(p, "not-jpeg");
    else [p.state, p.wholeAt, this.delivered] = [WHOLE, now, this.delivered + 1];
    return "";
  }

  /** Notes an announcement. An open stream gets another name only if several in a row say so: one may be forged. @param {import("./wire.js").Announcement} a */
  announce(a) {
    const same = this.opener || !this.announced || this.announced.name === a.name || this.#renames++ >= limits.MAX_RENAMES;
    if (same) this.#renames = 0;
    this.announced = same ? a : { ...a, name: this.name };
  }

  /** Does all that is due. @param {number} now */
  attend(now) {
    const { ordering, asking } = this, named = this.joined + limits.NAME_WAIT;
    for (const p of ordering.pending) if (p.waits && now >= p.deadline) ordering.drop(p, "late");
    let next = ordering.next(asking.latency, now);
    for (; typeof next !== "number"; next = ordering.next(asking.latency, now)) this.#handOn(next, now);
    for (const p of [...ordering.finished, ...ordering.pending]) asking.closeTrain(p, now);
    for (const p of ordering.finished.splice(0, ordering.finished.length - 2)) asking.closeTrain(p, now, true);
    const waits = ordering.pending.filter((p) => p.waits).flatMap((p) => [asking.ask(p, now), p.deadline]);
    this.wake = Math.min(next, this.label || named <= now ? Infinity : named, ...waits, asking.makeReport(now));
  }

  /** @param {import("./frame.js").PendingFrame} p @param {number} now */
  #handOn(p, now) {
    if (p.helped) this.all.stats.byRequest++;
    else if (p.repaired) this.all.stats.byParity++;
    const captured = timeNear(p.head?.captured ?? 0, now), [jpeg = new Uint8Array()] = p.data;
    p.free(this.ordering.memory);
    this.hold({ stream: "", id: p.id, captured, jpeg, from: this.from, key: this.opener?.key.id });
    this.asking.fade();
    this.release();
  }

  /** @param {import("./assembler.js").Frame | null} frame */
  hold(frame) {
    this.ordering.memory.used += (frame?.jpeg.length ?? 0) - (this.held?.jpeg.length ?? 0);
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
