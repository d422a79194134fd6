// A sender for the tests, as simple as can be, and a network between it and an assembler in simulated time.
import { gcm } from "../vendor/noble-ciphers/aes.js";
import { chacha20poly1305, xchacha20poly1305 } from "../vendor/noble-ciphers/chacha.js";
import { checksum } from "../src/repair.js";
import { stamp, viewOf } from "../src/wire.js";
import { parityShard } from "./helpers.mjs";

const PURPOSES = ["", "segment ChaCha20-Poly1305", "segment AES-256-GCM"];

export class Sender {
  newest = 0;
  parity = 0; // rows of each block
  counter = 0n;
  echo = { stamp: 0, at: 0 }; // of the last report
  receiver = new Uint8Array(16); // who sent that
  reports = 0;
  requests = 0;
  /** @type {Map<number, {head: Uint8Array, blocks: Uint8Array[][], k: number, stride: number, rows: number[]}>} */ sent =
    new Map();

  /**
   * @param {{session?: number, name?: string, parity?: number, segment?: number, suite?: number,
   *   key?: import("../src/seal.js").Key}} [o]
   */
  constructor({ session = 0xabcdef, name = "door", parity = 0, segment = 1408, key, suite = 1 } = {}) {
    Object.assign(this, { parity });
    this.session = session;
    this.name = name;
    this.segment = segment;
    this.key = key;
    this.suite = suite;
    this.salt = crypto.getRandomValues(new Uint8Array(16));
    this.secret = key?.derive(PURPOSES[suite], this.salt) ?? new Uint8Array();
    this.feedback = key?.derive("feedback", this.salt) ?? new Uint8Array();
  }

  /** @param {number} type */
  prefix(type, countdown = 0, block = 0) {
    return [
      countdown,
      0xca,
      (this.key ? 0x90 : 0x10) | type,
      0,
      this.session >> 16,
      (this.session >> 8) & 255,
      this.session & 255,
      block,
    ];
  }

  /** @param {number} now */
  announce(now) {
    const name = new TextEncoder().encode(this.name),
      b = new Uint8Array(37 + name.length + (this.key ? 16 : 0)),
      v = viewOf(b);
    b.set(this.prefix(3));
    v.setUint32(16, this.newest);
    (v.setUint16(20, Math.floor(stamp(now) / 2 ** 32)), v.setUint32(22, stamp(now) % 2 ** 32));
    (v.setUint16(26, Math.floor(this.echo.stamp / 2 ** 32)), v.setUint32(28, this.echo.stamp % 2 ** 32));
    if (this.echo.at) v.setUint32(32, Math.max(1, Math.round((now - this.echo.at) * 1000)));
    b[36] = name.length;
    b.set(name, 37);
    if (!this.key) return b;
    b.set(this.receiver, 37 + name.length);
    const header = new Uint8Array(36);
    header.set(b.subarray(0, 8));
    header.set(this.salt, 8);
    viewOf(header).setBigUint64(24, ++this.counter);
    viewOf(header).setUint16(32, parseInt(this.key.id, 16));
    header[34] = this.suite;
    return Uint8Array.of(
      ...header,
      ...xchacha20poly1305(this.key.announcements, header.slice(8, 32), header).encrypt(b.slice(8)),
    );
  }

  /** The datagrams of a frame. @param {Uint8Array} jpeg @param {number} id @param {number} now */
  frame(jpeg, id, now) {
    const count = Math.ceil(jpeg.length / this.segment),
      B = Math.ceil(count / 192),
      k = Math.ceil(count / B);
    const stride = Math.ceil(Math.ceil(jpeg.length / (B * k)) / 64) * 64,
      head = new Uint8Array(28),
      v = viewOf(head);
    v.setUint32(8, id);
    v.setUint32(12, jpeg.length);
    ((head[12] = B), (head[16] = k), (head[17] = this.parity));
    (v.setUint16(18, Math.floor(stamp(now) / 2 ** 32)), v.setUint32(20, stamp(now) % 2 ** 32));
    if (!this.key) v.setUint32(24, checksum(jpeg));
    /** @type {Uint8Array[][]} */ const blocks = Array.from({ length: B }, () => []),
      out = [];
    for (let i = 0; i * stride < jpeg.length; i++) blocks[i % B].push(jpeg.slice(i * stride, (i + 1) * stride));
    this.newest = id;
    const sent = { head, blocks, k, stride, rows: blocks.map(() => this.parity) };
    this.sent.set(id, sent);
    this.sent.delete(id - 128);
    for (let i = 0; i * stride < jpeg.length; i++) out.push(this.data(sent, i % B, Math.floor(i / B), 1));
    for (let j = 0; j < this.parity; j++) for (let b = 0; b < B; b++) out.push(this.row(sent, b, j, 2));
    return out;
  }

  /** @typedef {{head: Uint8Array, blocks: Uint8Array[][], k: number, stride: number, rows: number[]}} Sent */
  /** @param {Sent} s @param {number} block @param {number} c @param {number} type */
  data(s, block, c, type) {
    return this.seal(s, this.prefix(type, s.k - c, block), s.blocks[block][c]);
  }
  /** @param {Sent} s @param {number} block @param {number} j @param {number} type */
  row(s, block, j, type) {
    return this.seal(s, this.prefix(type, 256 - s.k - j, block), parityShard(s.blocks[block], s.k, j, s.stride));
  }

  /** @param {Sent} s @param {number[]} prefix @param {Uint8Array} payload */
  seal(s, prefix, payload) {
    const head = s.head.slice();
    head.set(prefix);
    const nonce = head.slice(0, 12);
    nonce[1] = head[17];
    if (this.key) payload = (this.suite === 1 ? chacha20poly1305 : gcm)(this.secret, nonce, head).encrypt(payload);
    const b = new Uint8Array(28 + payload.length);
    b.set(head);
    b.set(payload, 28);
    return b;
  }

  /** Takes in a report or a request. Returns the answer. @param {Uint8Array} b @param {number} now */
  take(b, now) {
    if (this.key) {
      this.receiver = b.slice(8, 24);
      const open = xchacha20poly1305(this.feedback, b.slice(8, 32), b.slice(0, 36)).decrypt(b.slice(36));
      b = Uint8Array.of(...b.subarray(0, 8), ...open);
    }
    const v = viewOf(b),
      out = [];
    if ((b[2] & 15) === 4) {
      this.reports++;
      this.echo = { stamp: v.getUint16(8) * 2 ** 32 + v.getUint32(10), at: now };
      return this.reports === 1 ? [this.announce(now)] : [];
    }
    this.requests++;
    const s = this.sent.get(v.getUint32(8)),
      k = b[13];
    if (!s) return [];
    if (!k) return s.blocks.flatMap((shards, block) => shards.map((_, c) => this.data(s, block, c, 9)));
    for (let need = b[12]; need && s.rows[b[7]] < 256 - k; need--) out.push(this.row(s, b[7], s.rows[b[7]]++, 10));
    return out;
  }
}

/** A queue of what is to happen, in simulated time. */
export class Simulation {
  /** @type {{at: number, what: () => void}[]} */ #events = [];
  /** @param {number} now */
  constructor(now) {
    this.now = now;
  }

  /** @param {number} at @param {() => void} what */
  at(at, what) {
    let i = this.#events.length;
    while (i && this.#events[i - 1].at > at) i--;
    this.#events.splice(i, 0, { at, what });
  }

  /**
   * Runs until nothing happens any more before `end`. What `wakes` says counts too.
   * @param {number} end @param {{deadline: number, expire(now: number): void}} wakes
   */
  run(end, wakes) {
    for (;;) {
      const next = this.#events[0]?.at ?? Infinity,
        wake = Math.max(this.now, wakes.deadline + 0.5); // timers are late
      if (Math.min(next, wake) > end) return;
      this.now = Math.min(next, wake);
      if (next <= wake) this.#events.shift()?.what();
      else wakes.expire(this.now);
    }
  }
}
