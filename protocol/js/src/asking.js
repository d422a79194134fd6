// What a receiver tells the sender of one stream: reports of what came, and requests for what did not.
import { RemoteClock } from "./clock.js";
import { UNSEEN } from "./frame.js";
import * as limits from "./limits.js";
import { writeReport, writeRequest } from "./wire.js";

/** @typedef {import("./frame.js").PendingFrame} PendingFrame */

export class Asking {
  clock = new RemoteClock();
  received = 0; #fedBack = 0; // bytes of the stream, and of feedback
  reported = 0; #urgent = false; // when the last report was due; whether the next one should not wait
  unanswered = 0; // requests in a row that had to be repeated
  #reorder = 0; #gap = 0; // how late a datagram comes that is not lost; the longest time between two of a frame
  #segments = 0; // datagrams of the last frame
  /** @type {import("./wire.js").Report} */ #report = { largest: 0, late: 0, age: 0, trains: [] };

  /** @param {import("./stream.js").Stream} stream */
  constructor(stream) {
    this.stream = stream;
  }

  /** @param {number} size */
  heard(size) {
    this.received += size;
    this.#report.largest = Math.max(this.#report.largest, size);
  }

  /**
   * Notes a segment.
   * @param {PendingFrame} p @param {import("./wire.js").Segment} s @param {number} now @param {boolean} waited
   */
  arrived(p, s, now, waited) {
    const came = p.places.size;
    if (came && !p.over && !waited) this.#gap = Math.max(this.#gap, Math.min(now - p.last, limits.MAX_REORDER));
    this.#reorder = Math.max(this.#reorder, Math.min(p.note(s, now, waited), limits.MAX_REORDER));
    if (!p.closed || p.places.size === came) return;
    this.#report.late++; // it has been reported as lost
    this.stream.all.stats.received++;
  }

  /** Forgets a little of what was measured, once a frame. */
  fade() {
    this.#reorder -= this.#reorder / limits.ORDER_MEMORY;
    this.#gap -= this.#gap / limits.ORDER_MEMORY;
  }

  /** How late a datagram may be before it counts as lost. */
  get #lateness() { return 1.25 * this.#reorder; }
  /** How long an answer may take before the sender is asked again. */
  get #patience() { return 1.25 * (this.clock.rtt || limits.GUESSED_RTT) + this.#lateness + limits.PATIENCE_SLACK; }
  /** How long a whole frame waits for an older one. */
  get latency() {
    const { latency, oneWay } = this.stream.all.config;
    if (this.unanswered >= limits.MAX_UNANSWERED) return 0;
    if (latency !== undefined || oneWay) return latency ?? this.#lateness;
    const trip = (this.clock.best?.rtt ?? limits.GUESSED_RTT) + this.#lateness; // longer ones are queues
    return Math.min(limits.LATENCY_TRIPS * trip + limits.LATENCY_SLACK, limits.MAX_LATENCY);
  }

  /**
   * Closes the train of a frame, if it has ended or must: all has come; or the last datagram or one of a newer frame, and
   * then nothing for as long as datagrams may be late. Silence alone ends none. @param {PendingFrame} p @param {number} now
   */
  closeTrain(p, now, must = false) {
    const ended = p.over && now >= p.over + this.#lateness, { trains } = this.#report, { stats } = this.stream.all;
    if (p.closed || p.partial || !(must || ended || (p.sent && p.places.size === p.sent))) return;
    p.closed = true;
    const t = p.train();
    this.#segments = p.sent || this.#segments; // if nothing came, probably as many as of the frame before
    stats.expected += this.#segments;
    stats.received += t.came;
    if (trains.push(t) > limits.MAX_TRAINS) trains.shift(); // too little comes to allow a report
    this.#urgent ||= t.came < this.#segments || t.span >= limits.SLOW_TRAIN || trains.length === limits.MAX_TRAINS ||
      now - this.stream.joined <= limits.EARLY_REPORTS;
  }

  /** Reports if that is due. Returns when the next report is. @param {number} now */
  makeReport(now) {
    const due = this.reported + (this.#urgent ? limits.URGENT_INTERVAL : limits.REPORT_INTERVAL);
    if (now < due) return due;
    this.reported = now;
    this.#report.age = Math.max(0, now - this.stream.joined);
    const write = () => writeReport(this.#report, this.stream.prefix, this.clock.echo(now));
    if (this.stream.all.config.oneWay || this.#send(32 + 28 * this.#report.trains.length, limits.REPORT_SHARE, write)) {
      [this.#report, this.#urgent] = [{ largest: 0, late: 0, age: 0, trains: [] }, false];
    }
    return now + limits.REPORT_INTERVAL;
  }

  /**
   * Requests what is missing of a frame, if that is due. Returns when to ask again.
   * @param {PendingFrame} p @param {number} now
   */
  ask(p, now) {
    if (this.stream.all.config.oneWay || p.asks === limits.MAX_ASKS || p.partial) return Infinity;
    const from = p.over || p.last + (this.stream.all.config.tail ?? limits.TAIL_WAIT) + this.#gap;
    const due = p.asks ? p.asked + this.#patience : from + this.#lateness;
    if (now < due) return due;
    if (p.asks++) this.unanswered++;
    p.asked = now;
    if (p.state === UNSEEN) this.#request({ id: p.id, block: 0, need: 0, k: 0, missing: [] });
    for (let block = 0; block < p.short.length; block++) {
      const r = p.shortage(block);
      if (r && !this.#request(r)) break;
    }
    return now + this.#patience;
  }

  /** @param {import("./wire.js").Request} r */
  #request(r) {
    const sent = this.#send(16 + Math.ceil(r.k / 8), limits.REQUEST_SHARE, () => writeRequest(r, this.stream.prefix));
    if (sent) this.stream.all.stats.requests++;
    return sent;
  }

  /**
   * Sends feedback, if its bytes are within one for `share` received.
   * @param {number} size @param {number} share @param {() => Uint8Array} write
   */
  #send(size, share, write) {
    const { opener, all, from } = this.stream;
    if (opener) size += 44;
    if (opener && !this.#fedBack) share = 1; // the stream is shown only when the sender has echoed a report
    if (this.#fedBack + size > this.received / share) return false;
    this.#fedBack += size;
    all.stats.feedback++;
    all.config.onSend?.(opener ? opener.seal(write()) : write(), from);
    return true;
  }
}
