// Subscribes at a sender's port: says what to send there, and when. "Subscribing" in protocol/README.md has the rules. The
// sender's other datagrams go to an Assembler.
import { ANSWER, asArray, parseAnswer, parsePrefix, writeSubscribe } from "./wire.js";

const FIRST = [100, 200, 400]; // the first times between two Subscribes, in milliseconds
const AGAIN = 500, FULL = 2000, ALL = 2000; // later ones: usually; if it is full; while streams come, if all are wanted
const SILENCE = 500; // no datagram of a stream for so long, and the receiver asks again
const HURRY = 200; // the least time between two Subscribes that leave at once for a new cookie
const BURST = 8; // datagrams at once. For long, one for each AGAIN, and a little more: who forges answers gets no more
const STATES = ["asking", "subscribed", "full", "no-stream"];

export class Subscriber {
  number = crypto.getRandomValues(new Uint8Array(8));
  origin = { id: crypto.getRandomValues(new Uint8Array(16)), counter: 0n }; // of sealed Subscribes
  #cookie = new Uint8Array(16);
  #answered = false; #status = 0; #answers = { origin: "", counter: 0n }; // of the last answer, and of the last sealed one
  #unheard = 0; // Subscribes since anything came
  #tries = 0;
  #left = 0; #next = 0; // when the last one left, and when the next one is to, if no stream comes
  #hurried = 0; // when a cookie last made one leave at once
  #stream = 0; // when a datagram of the stream last came
  #tokens = BURST; #filled = 0; // how many may leave, and when that was counted

  /**
   * Subscribes to the stream of that name, or to all if it is empty; to sealed ones if there is a key, else to open ones.
   * again is the time between two Subscribes, in milliseconds: by default 500.
   * @param {{name?: string, key?: import("./seal.js").Key, again?: number}} [options]
   */
  constructor({ name = "", key, again = AGAIN } = {}) {
    this.name = name;
    this.key = key;
    this.again = again;
  }

  /** Datagrams a millisecond. */
  get #rate() { return 1.1 / this.again; }

  /** How the subscription stands: receiving, subscribed, full, no-stream, unanswered, or asking. @param {number} now */
  state(now) {
    if (this.#flows(now)) return "receiving";
    return this.#unheard > 5 ? "unanswered" : STATES[this.#status];
  }

  /**
   * Tells when a datagram of a wanted stream last came from the sender, 0 if none did: see Assembler.heard.
   * @param {number} last
   */
  hear(last) {
    if (last > this.#stream) [this.#stream, this.#unheard] = [last, 0];
  }

  /** Reads an answer that came from the sender. Returns whether it counts. @param {Uint8Array} b @param {number} now */
  read(b, now) {
    const p = parsePrefix((b = asArray(b)));
    if (p?.type !== ANSWER || p.sealed !== (this.key !== undefined)) return false;
    if (this.key) {
      const opened = this.key.openAnswer(b), { origin, counter } = this.#answers;
      if (!opened || (opened.origin === origin && opened.counter <= counter)) return false;
      [this.#answers, b] = [opened, opened.open];
    }
    const answer = parseAnswer(b);
    if (!answer || answer.number.some((n, i) => n !== this.number[i])) return false;
    [this.#cookie, this.#status, this.#answered, this.#unheard] = [answer.cookie, answer.status, true, 0];
    if (answer.status) [this.#tries, this.#next] = [FIRST.length, now + (answer.status === 2 ? FULL : this.again)];
    else if (now - this.#hurried >= HURRY) this.#hurried = this.#next = now;
    return true;
  }

  /** Asks at once: the network seems to be back. */
  hurry() { this.#next = 0; }

  /** @param {number} now */
  #flows(now) { return now - this.#stream < SILENCE; }

  /** When to call next at the latest. Call hear before. @param {number} now */
  deadline(now) {
    let due = this.#next;
    if (this.#status === 1 && this.#flows(now)) { // reports keep up the subscription
      due = Math.max(due, Math.min(this.#stream + SILENCE, this.name ? Infinity : this.#left + ALL));
    }
    return this.#tokens < 1 ? Math.max(due, this.#filled + (1 - this.#tokens) / this.#rate + 1) : due;
  }

  /** The datagram that is to leave now, or null. @param {number} now */
  next(now) {
    if (this.#filled) this.#tokens = Math.min(BURST, this.#tokens + Math.max(0, now - this.#filled) * this.#rate);
    this.#filled = now;
    if (now < this.deadline(now)) return null;
    const slow = this.#status === 2 || (!this.#status && this.#flows(now));
    [this.#left, this.#next] = [now, now + (FIRST[this.#tries++] ?? (slow ? FULL : this.again))];
    this.#tokens--;
    this.#unheard++;
    return this.#write(false);
  }

  /** The datagrams that end the subscription: two, because one may get lost. */
  farewell() { return this.#answered ? [this.#write(true), this.#write(true)] : []; }

  /** @param {boolean} farewell */
  #write(farewell) {
    const open = writeSubscribe({ number: this.number, cookie: this.#cookie, farewell, name: this.name });
    return this.key ? this.key.seal(this.key.subscriptions, this.origin, open) : open;
  }
}
