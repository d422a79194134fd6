// The sender's clock beside this one, and the round trip between them, from the clock echoes in announcements and reports.
import { CLOCK_WINDOW, ECHOABLE } from "./limits.js";
import { stamp, timeNear } from "./wire.js";

/** @typedef {import("./wire.js").ClockEcho} ClockEcho */
/** offset is by how much the sender's clock was ahead. @typedef {{at: number, rtt: number, offset: number}} Sample */

export class RemoteClock {
  rtt = 0; // the smoothed round trip (RFC 6298), 0 if none has been measured
  /** That with the shortest trip. @type {Sample | null} */ best = null;
  /** @type {number[]} */ #sent = []; // the stamps of the last datagrams to the sender
  #answered = 0; // when one of them was last echoed
  #heard = { stamp: 0, at: 0 }; // the sender's last datagram: when it left, and when it came

  /** The clock echo of a datagram that leaves now. @param {number} now @returns {ClockEcho} */
  echo(now) {
    const sent = stamp(now), { stamp: echo, at } = this.#heard;
    if (this.#sent.push(sent) > 64) this.#sent.shift();
    return { sent, echo, held: at && Math.max(1, Math.min(Math.round((now - at) * 1000), 2 ** 32 - 1)) };
  }

  /**
   * Learns from the clock echo of an announcement that came now.
   * @param {ClockEcho} c @param {number} now @param {boolean} open
   */
  hear(c, now, open) {
    if (echoes(c, now - ECHOABLE, now) && this.#sent.includes(c.echo)) this.#answered = now;
    else if (open && now - this.#answered < ECHOABLE) return; // it is forged: the sender has echoed what left here
    this.#heard = { stamp: c.sent, at: now };
    if (!echoes(c, now - CLOCK_WINDOW, now)) return;
    const rtt = Math.max(0, now - timeNear(c.echo, now) - c.held / 1000), offset = timeNear(c.sent, now) + rtt / 2 - now;
    this.rtt = this.rtt ? this.rtt + (rtt - this.rtt) / 8 : rtt;
    if (!this.best || rtt <= this.best.rtt || now - this.best.at > CLOCK_WINDOW) this.best = { at: now, rtt, offset };
  }
}

/** Whether the echo is of what left between two moments. @param {ClockEcho} c @param {number} from @param {number} to */
export function echoes(c, from, to) {
  const sent = timeNear(c.echo, to);
  return c.held > 0 && sent >= from - 0.001 && sent <= to + 0.001; // stamps are rounded
}
