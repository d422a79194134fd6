// The datagrams of udpcam/1: one function reads or writes each that a receiver meets. protocol/README.md has their diagrams.
// Times are milliseconds since 1970, with fractions; on the wire they are stamps, in microseconds. What does not follow the
// specification is read as null.
import { MAX_NAME, MAX_RELAYS } from "./limits.js";

export const DATA = 1, PARITY = 2, ANNOUNCEMENT = 3, REPORT = 4, REQUEST = 5, SUBSCRIBE = 6, ANSWER = 7, SKIP = 8;
export const SEGMENT_HEADER_SIZE = 28, TAG_SIZE = 16;
const STAMPS = 2 ** 48; // a stamp is less than this
const utf8 = new TextDecoder(), toUTF8 = new TextEncoder();

/** @param {Uint8Array} b */
export const viewOf = (b) => new DataView(b.buffer, b.byteOffset, b.byteLength);

/** The same bytes as a plain array: slice() of Node's Buffer would not copy. @param {Uint8Array} b */
export const asArray = (b) => new Uint8Array(b.buffer, b.byteOffset, b.byteLength);

/** Whether frame ID a comes after b, by serial number arithmetic (RFC 1982). @param {number} a @param {number} b */
export const newer = (a, b) => ((a - b) | 0) > 0;

/** @param {number} ms */
export const stamp = (ms) => Math.round(ms * 1000) % STAMPS;

/** The moment nearest to now that has this stamp. @param {number} stamped @param {number} now */
export function timeNear(stamped, now) {
  const ahead = (stamped - stamp(now) + STAMPS) % STAMPS;
  return (Math.round(now * 1000) + (ahead < STAMPS / 2 ? ahead : ahead - STAMPS)) / 1000;
}

/** @param {DataView} v @param {number} at */
const get48 = (v, at) => v.getUint16(at) * 2 ** 32 + v.getUint32(at + 2);

/** @param {DataView} v @param {number} at @param {number} n */
const set48 = (v, at, n) => (v.setUint16(at, Math.floor(n / 2 ** 32)), v.setUint32(at + 2, n % 2 ** 32));

/** Printable UTF-8 of at most 64 bytes, without spaces at the ends. @param {string} name */
export function cleanName(name) {
  let clean = "", size = 0;
  for (const c of name.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]|\ufffd/gu, "").replace(/^ +/, "")) {
    if ((size += toUTF8.encode(c).length) > MAX_NAME) break;
    clean += c;
  }
  return clean.replace(/ +$/, "");
}

/** @typedef {{countdown: number, sealed: boolean, type: number, stream: number, session: number, block: number}} Prefix */

/** @param {Uint8Array} b @returns {Prefix | null} */
export function parsePrefix(b) {
  if (b.length < 8 || b[1] !== 0xca || (b[2] & 0x70) !== 0x10) return null;
  const session = (b[4] << 16) | (b[5] << 8) | b[6];
  return { countdown: b[0], sealed: b[2] > 0x7f, type: b[2] & 15, stream: b[3], session, block: b[7] };
}

/** An open datagram with its prefix, and zeros. @param {number} size @param {number} type @param {Partial<Prefix>} [p] */
function datagram(size, type, { session = 0, stream = 0, block = 0 } = {}) {
  const b = new Uint8Array(size);
  b.set([0, 0xca, 0x10 | type, stream, session >> 16, session >> 8, session, block]);
  return b;
}

/**
 * A data or parity segment. Its frame has so many bytes (length), in n segments with that stride, in blocks with k each;
 * `parity` parity segments of each block follow at first. captured is a stamp. index is the number of a data segment in the
 * frame, or the row of a parity segment. payload is a part of the datagram, still encrypted if it is sealed.
 * @typedef {{block: number, id: number, blocks: number, length: number, k: number, parity: number, captured: number,
 *   crc: number, stride: number, n: number, isParity: boolean, isAnswer: boolean, index: number, payload: Uint8Array}}
 *   Segment
 */

/** Whether it is one, for the first time or as an answer to a request. @param {Prefix} p */
export const isSegment = (p) => (p.type & 7) === DATA || (p.type & 7) === PARITY;

/** @param {Prefix} p @param {Uint8Array} b @returns {Segment | null} */
export function parseSegment(p, b) {
  if (b.length <= SEGMENT_HEADER_SIZE) return null;
  const v = viewOf(b), blocks = b[12], length = v.getUint32(12) & 0xffffff, k = b[16], parity = b[17], crc = v.getUint32(24);
  if (!length || !blocks || !k || p.block >= blocks || !p.countdown) return null;
  const stride = Math.ceil(Math.ceil(length / (blocks * k)) / 64) * 64, n = Math.ceil(length / stride);
  if (blocks !== Math.ceil(n / 192) || k !== Math.ceil(n / blocks) || (n > 1 && stride < 256)) return null; // no sender does
  const isParity = (p.type & 7) === PARITY, isAnswer = p.type > 8, rows = 256 - k;
  const index = isParity ? rows - p.countdown : (k - p.countdown) * blocks + p.block;
  const size = isParity ? stride : Math.min(stride, length - index * stride);
  if (index < 0 || parity > rows || (isParity && !isAnswer && index >= parity)) return null;
  if (b.length !== SEGMENT_HEADER_SIZE + size + (p.sealed ? TAG_SIZE : 0) || size < 1 || (p.sealed && crc)) return null;
  return { block: p.block, id: v.getUint32(8), blocks, length, k, parity, captured: get48(v, 18), crc, stride, n, isParity,
    isAnswer, index, payload: b.subarray(SEGMENT_HEADER_SIZE, SEGMENT_HEADER_SIZE + size) };
}

/** Whether two segments with the same ID are of the same frame. @param {Segment} a @param {Segment} b */
export const sameFrame = (a, b) =>
  a.length === b.length && a.crc === b.crc && a.blocks === b.blocks && a.k === b.k && a.captured === b.captured;

/**
 * sent and echo are stamps, held microseconds: 0 if nothing is echoed.
 * @typedef {{sent: number, echo: number, held: number}} ClockEcho
 */

/** @typedef {NonNullable<ReturnType<typeof parseAnnouncement>>} Announcement echoed: the ID of the receiver it is for */

/** @param {Uint8Array} b an open datagram, or an opened one */
export function parseAnnouncement(b) {
  const v = viewOf(b), end = 37 + (b[36] ?? 0), count = b[end + 16] ?? 0;
  if (b.length < Math.max(37, end) || count > MAX_RELAYS || (count && b.length < end + 17 + 4 * count)) return null;
  return { width: v.getUint16(8), height: v.getUint16(10), fps: v.getUint32(12) / 1000, newest: v.getUint32(16),
    clock: { sent: get48(v, 20), echo: get48(v, 26), held: v.getUint32(32) }, echoed: b.slice(end, end + 16),
    name: cleanName(utf8.decode(b.subarray(37, end))),
    relays: Array.from({ length: count }, (_, i) => v.getUint32(end + 17 + 4 * i)) };
}

/** Which frames the sender leaves out. @param {Uint8Array} b */
export function parseSkip(b) {
  if (b.length < 16) return null;
  const first = viewOf(b).getUint32(8), last = viewOf(b).getUint32(12);
  return last === first || newer(last, first) ? { first, last } : null;
}

/**
 * What came of the datagrams of one frame: nothing if came is 0. took and span are milliseconds, as is the age of a report.
 * @typedef {{id: number, first: number, came: number, took: number, span: number, lostFirst: number, lostSecond: number,
 *   runs: number}} Train
 * @typedef {{largest: number, late: number, age: number, trains: Train[]}} Report
 */

/** @param {Report} r @param {Partial<Prefix>} p @param {ClockEcho} c */
export function writeReport(r, p, c) {
  const b = datagram(32 + 28 * r.trains.length, REPORT, p), v = viewOf(b);
  set48(v, 8, c.sent);
  set48(v, 14, c.echo);
  v.setUint32(20, c.held);
  v.setUint16(24, r.largest);
  v.setUint16(26, Math.min(r.late, 0xffff));
  v.setUint32(28, r.trains.length * 2 ** 24 + Math.min(Math.round(r.age), 0xffffff));
  r.trains.forEach((t, i) => {
    const at = 32 + 28 * i;
    v.setUint32(at, t.id);
    set48(v, at + 4, stamp(t.first));
    v.setUint16(at + 10, t.came);
    [t.took, t.span].forEach((ms, j) => v.setUint32(at + 12 + 4 * j, Math.min(Math.round(ms * 1000), 2 ** 32 - 1)));
    [t.lostFirst, t.lostSecond, t.runs].forEach((n, j) => v.setUint16(at + 20 + 2 * j, Math.min(n, 0xffff)));
  });
  return b;
}

/**
 * A request for `need` segments of a block, of which these data segments are missing. k 0: nothing of the frame came.
 * @typedef {{id: number, block: number, need: number, k: number, missing: number[]}} Request
 */

/** @param {Request} r @param {Partial<Prefix>} p */
export function writeRequest(r, p) {
  const b = datagram(16 + Math.ceil(r.k / 8), REQUEST, { ...p, block: r.block });
  viewOf(b).setUint32(8, r.id);
  b.set([r.need, r.k], 12);
  for (const j of r.missing) b[16 + (j >> 3)] |= 0x80 >> (j & 7);
  return b;
}

/** @param {{number: Uint8Array, cookie: Uint8Array, farewell?: boolean, name: string}} s */
export function writeSubscribe(s) {
  const name = toUTF8.encode(cleanName(s.name)), b = datagram(34 + name.length, SUBSCRIBE);
  b.set(s.number, 8);
  b.set(s.cookie, 16);
  b.set([s.farewell ? 1 : 0, name.length, ...name], 32);
  return b;
}

/** status: 0 a cookie, 1 subscribed, 2 full, 3 no such stream. @param {Uint8Array} b */
export const parseAnswer = (b) =>
  b.length < 34 || b[32] > 3 ? null : { number: b.slice(8, 16), cookie: b.slice(16, 32), status: b[32] };
