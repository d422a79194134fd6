// Sealed streams: datagrams that are encrypted and authenticated with a key that sender and receiver share. "Sealed" in
// protocol/README.md has the construction. Only who has a key needs this module.
import { gcm } from "../vendor/noble-ciphers/aes.js";
import { chacha20poly1305, xchacha20poly1305 } from "../vendor/noble-ciphers/chacha.js";
import { hkdf } from "../vendor/noble-hashes/hkdf.js";
import { sha256 } from "../vendor/noble-hashes/sha2.js";
import { echoes } from "./clock.js";
import { MAX_STREAMS, REPLAY_WINDOW, SESSION_SILENCE } from "./limits.js";
import { SEGMENT_HEADER_SIZE, TAG_SIZE, timeNear, viewOf } from "./wire.js";

const toUTF8 = new TextEncoder();
const HEADER_SIZE = 36; // of a sealed datagram that is no segment; 8 bytes of it are in an open one too
/** @param {Uint8Array} b */
const hex = (b) => Array.from(b, (n) => n.toString(16).padStart(2, "0")).join("");

/**
 * The ID of a receiver, or of a subscription, and how many datagrams it has sealed.
 * @typedef {{id: Uint8Array, counter: bigint}} Origin
 * Opens segments with a key: returns what was encrypted, or throws.
 * @typedef {(key: Uint8Array) => (nonce: Uint8Array, header: Uint8Array, sealed: Uint8Array) => Uint8Array} Suite
 */
/** By the number that announcements have for it. @type {Record<number, Suite>} */
const SUITES = {
  1: (key) => (nonce, header, sealed) => chacha20poly1305(key, nonce, header).decrypt(sealed),
  2: (key) => (nonce, header, sealed) => gcm(key, nonce, header).decrypt(sealed),
};
const PURPOSES = ["", "segment ChaCha20-Poly1305", "segment AES-256-GCM"];

/** A key of 32 bytes. */
export class Key {
  /** @param {string} text as `udpcam key` prints it: base64, 44 characters */
  constructor(text) {
    const fits = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(text);
    if (!fits) throw new Error("not a key: a key has 44 characters; udpcam key makes one");
    this.bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    this.id = hex(this.derive("key id", undefined, 2)); // tells keys apart, and is no secret
    this.announcements = this.derive("announcement");
    this.subscriptions = this.derive("subscription");
  }

  /** @param {string} purpose @param {Uint8Array} [salt] */
  derive(purpose, salt, size = 32) { return hkdf(sha256, this.bytes, salt, toUTF8.encode("udpcam/1 " + purpose), size); }

  /**
   * Seals a datagram that is no segment.
   * @param {Uint8Array} secret derived from the key @param {Origin} origin @param {Uint8Array} open
   */
  seal(secret, origin, open) {
    const b = new Uint8Array(HEADER_SIZE - 8 + open.length + TAG_SIZE), header = b.subarray(0, HEADER_SIZE);
    b.set(open.subarray(0, 8));
    b[2] |= 0x80;
    b.set(origin.id, 8);
    viewOf(b).setBigUint64(24, ++origin.counter);
    viewOf(b).setUint16(32, parseInt(this.id, 16));
    b.set(xchacha20poly1305(secret, header.slice(8, 32), header).encrypt(open.subarray(8)), HEADER_SIZE);
    return b;
  }

  /** Opens the answer to a Subscribe. @param {Uint8Array} b */
  openAnswer(b) {
    const header = readHeader(b), open = header?.keyID === this.id && openControl(this.subscriptions, b);
    return header && open ? { ...header, open } : null;
  }
}

/**
 * Opens a datagram that is no segment, as if it had been sent open. Null: the secret does not fit.
 * @param {Uint8Array} secret @param {Uint8Array} b
 */
function openControl(secret, b) {
  try {
    const text = xchacha20poly1305(secret, b.slice(8, 32), b.slice(0, HEADER_SIZE)).decrypt(b.slice(HEADER_SIZE));
    const open = new Uint8Array(8 + text.length);
    open.set(b.subarray(0, 8));
    open.set(text, 8);
    open[2] &= 0x7f;
    return open;
  } catch {
    return null;
  }
}

/** @param {Uint8Array} b */
function readHeader(b) {
  if (b.length < HEADER_SIZE + TAG_SIZE) return null;
  const v = viewOf(b);
  return { origin: hex(b.subarray(8, 24)), counter: v.getBigUint64(24), keyID: hex(b.subarray(32, 34)), suite: b[34] };
}

/** The keys of a receiver, and what it must remember to use them. */
export class Keyring {
  /** Of reports and requests. @type {Origin} */ origin = { id: crypto.getRandomValues(new Uint8Array(16)), counter: 0n };
  /** When the newest announcement of each name left: see Opener.announced. @type {Map<string, number>} */ sent = new Map();

  /** @param {Key[]} keys @param {Record<number, Suite>} [suites] other code for the same ciphers */
  constructor(keys, suites = SUITES) {
    this.keys = keys;
    this.suites = suites;
  }

  /**
   * Opens an announcement or a Skip of a stream that had that opener until now, and was heard last at that time. Or says why
   * it is not to be believed. @param {Uint8Array} b @param {Opener | null} known @param {number} heard @param {number} now
   */
  openAnnouncement(b, known, heard, now) {
    const h = readHeader(b), same = known?.salt === h?.origin;
    if (!h) return "malformed";
    if (known && (same ? h.counter <= known.counter : known.live && now - heard < SESSION_SILENCE)) return "replayed";
    const keys = this.keys.filter((k) => k.id === h.keyID);
    for (const key of keys) {
      const open = openControl(key.announcements, b);
      if (!open) continue;
      if (!same && !this.suites[h.suite]) return "unknown-type";
      const opener = known && same ? known : new Opener(this, key, b.slice(8, 24), h.suite, now);
      opener.counter = h.counter;
      return { opener, open };
    }
    return keys.length ? "wrong-key" : "no-key";
  }
}

/** Opens the datagrams of one sealed stream, and seals the feedback about it. */
export class Opener {
  counter = 0n; // of the last announcement
  live = false; // whether the stream has proved that it is no recording
  oldest = 0; // frames with smaller IDs are too old to be shown

  /** @param {Keyring} ring @param {Key} key @param {Uint8Array} salt @param {number} suite @param {number} since */
  constructor(ring, key, salt, suite, since) {
    const feedback = key.derive("feedback", salt);
    this.ring = ring;
    this.key = key;
    this.salt = hex(salt);
    this.since = since; // when the stream was joined
    this.open = ring.suites[suite](key.derive(PURPOSES[suite], salt));
    this.seal = (/** @type {Uint8Array} */ open) => key.seal(feedback, ring.origin, open);
  }

  /**
   * Opens a segment, or returns why it is not to be believed.
   * @param {import("./wire.js").Segment} s @param {Uint8Array} b its datagram
   */
  openSegment(s, b) {
    if (s.id < this.oldest) return "replayed";
    const nonce = b.slice(0, 12);
    nonce[1] = s.parity;
    try {
      s.payload = this.open(nonce, b.subarray(0, SEGMENT_HEADER_SIZE), b.subarray(SEGMENT_HEADER_SIZE));
      return "";
    } catch {
      return "wrong-key";
    }
  }

  /**
   * Learns from an announcement. It proves the stream if it echoes what this receiver has sent since it joined; to a one-way
   * receiver, if it is newer than all others with that name.
   * @param {import("./wire.js").Announcement} a @param {boolean} oneWay @param {number} now
   */
  announced(a, oneWay, now) {
    const { ring } = this, sent = timeNear(a.clock.sent, now), last = ring.sent.get(a.name) ?? 0;
    this.since = Math.min(this.since, now); // the clock may have been set back
    if (!oneWay) this.live ||= hex(a.echoed) === hex(ring.origin.id) && echoes(a.clock, this.since, now);
    else if (sent > last && (last || ring.sent.size < MAX_STREAMS)) this.live = ring.sent.set(a.name, sent).size > 0;
    this.oldest = Math.max(this.oldest, a.newest - REPLAY_WINDOW);
  }
}
