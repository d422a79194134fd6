// What strangers send is bounded in memory and time, harms no camera, and throws nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Assembler, Subscriber } from "../src/index.js";
import * as limits from "../src/limits.js";
import * as seal from "../src/seal.js";
import { cleanName, parseAnswer } from "../src/wire.js";
import { random, randomJPEG, START, testdata, unhex } from "./helpers.mjs";
import { Sender } from "./sender.mjs";

const CAMERA = "192.0.2.1:5000",
  key = new seal.Key("PjDaaSM/ABAObNpJrC+croLCGVxMH+AH/JrH1cL7CO0=");

/** The next ID, for a segment of a frame that claims to have 16 MB. @param {number} session @param {number} id */
function claim(session, id) {
  const sender = new Sender({ session, segment: 448 }),
    length = 255 * 192 * 320,
    b = new Uint8Array(28 + 320);
  b.set(sender.prefix(1, 192));
  b.set([id >>> 24, id >> 16, id >> 8, id, 255, length >> 16, length >> 8, length, 192], 8);
  return b;
}

/**
 * Lets a camera send, and a stranger before each of its datagrams.
 * @param {(n: number, now: number, a: Assembler) => void} stranger
 */
function attack(stranger, late = 0) {
  const camera = new Sender({ parity: 1 }),
    next = random(3);
  let shown = 0,
    n = 0;
  const a = new Assembler({ onFrame: (f) => f.from === CAMERA && shown++, onSend() {} });
  for (let id = 0; id < 60; id++) {
    const now = START + 33 * id;
    for (const b of [camera.announce(now), ...camera.frame(randomJPEG(30_000, next), id, now)]) {
      stranger(n++, now, a);
      a.add(b, CAMERA, now);
      assert.ok(a.memory.used <= limits.MAX_PENDING_BYTES);
    }
    a.expire(now + 10);
  }
  assert.ok(shown >= 60 - late, `${shown} of 60: ${JSON.stringify(a.stats)}`);
  return a;
}

test("a flood of invented streams", () => {
  const a = attack((n, now, a) => {
    for (let i = 0; i < 4; i++) a.add(claim(n * 4 + i, 1), `198.51.100.${n & 255}:${1000 + i}`, now);
  });
  assert.ok(a.memory.used < 4 << 20, `${a.memory.used} bytes`);
});

test("a flood of invented streams of one whole picture each", () => {
  const jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xd9);
  const a = attack((n, now, a) => {
    const s = new Sender({ session: n, name: `n${n}` });
    for (const b of [s.announce(now), ...s.frame(jpeg, 1, now)]) a.add(b, `198.51.100.${n & 255}:${n}`, now);
  }, 10); // the camera is shown when it has gone on for 300 ms
  assert.ok(a.streams.length <= 1 + limits.MAX_EARLY, `${a.streams.length} streams`);
});

test("ever new frames of the largest size, far ahead and behind, with the camera's session", () => {
  attack((n, now, a) => {
    a.add(claim(0xabcdef, n * 1000), CAMERA, now);
    a.add(claim(0xabcdef, n * 7), "198.51.100.1:1", now);
  }, 1); // who forges the camera's address spoils the frames whose IDs he hits: here the first one
});

test("the feedback about a stream is less than what came", () => {
  let sent = 0,
    received = 0;
  const a = new Assembler({ onFrame() {}, onSend: (b) => (sent += b.length) });
  for (let i = 0; i < 2000; i++) {
    const b = claim(5, i);
    received += b.length;
    a.add(b, CAMERA, START + i);
    a.expire(START + i);
  }
  assert.ok(sent > 0 && sent <= received / 2, `${sent} of ${received}`);
});

test("repairing as much as a header may claim takes little time", () => {
  const sender = new Sender({ parity: 128, segment: 448 }),
    size = 448 * 128;
  const a = new Assembler({ onFrame() {}, onSend() {} });
  const all = sender.frame(randomJPEG(size, random(1)), 1, START),
    began = performance.now();
  for (const b of all.slice(128)) a.add(b, CAMERA, START); // of 128 data segments none comes
  a.expire(START + 1001);
  assert.deepEqual([a.stats.frames, a.stats.dropped], [1, {}]);
  assert.ok(performance.now() - began < 2000); // some 5 ms: 40 us a datagram
});

test("a forged answer makes a subscriber send no more than 2.2 datagrams a second", () => {
  const s = new Subscriber();
  let sent = 0;
  for (let now = START; now < START + 60_000; now += 10) {
    while (s.next(now)) sent++;
    const b = new Uint8Array(34);
    b.set([0, 0xca, 0x17]);
    b.set(s.number, 8);
    b.set([now], 16);
    assert.ok(parseAnswer(b) && s.read(b, now));
  }
  assert.ok(sent > 60 && sent <= 8 + 2.2 * 60, `${sent}`);
});

test("a subscriber asks as often as it is told to, and at once when it is hurried", () => {
  const s = new Subscriber({ again: 200 });
  let sent = 0;
  for (let now = START; now < START + 60_000; now += 10) while (s.next(now)) sent++;
  assert.ok(sent > 280 && sent <= 8 + 60 * 5.5, `${sent}`);
  const calm = new Subscriber();
  for (let now = START; now < START + 10_000; now += 10) while (calm.next(now));
  assert.equal(calm.next(START + 10_000), null);
  calm.hurry();
  assert.ok(calm.next(START + 10_000));
  assert.equal(calm.next(START + 10_000), null);
});

test("invented sealed streams do not fill the log, nor the memory", () => {
  let told = 0;
  const a = new Assembler({ onFrame() {}, onSend: () => assert.fail("answered"), onIgnored: () => told++ });
  const sealed = new Sender({ key }).announce(START);
  for (let n = 0; n < 10_000; n++) a.add(sealed, `198.51.${n >> 8}.${n & 255}:1`, START + n);
  assert.equal(told, 10);
  assert.equal(a.memory.used, 0);
});

test("names are made safe to show", () => {
  assert.equal(cleanName("  a\u0000b\u200e\ufffd\n é "), "ab é");
  assert.equal(new TextEncoder().encode(cleanName("ö".repeat(100))).length, 64);
});

test("datagrams that are changed at random", () => {
  const next = random(Number(process.env.SEED ?? 42)),
    below = (/** @type {number} */ n) => Math.floor(next() * n),
    rounds = 20_000;
  /** @type {Uint8Array[]} */ const seeds = [];
  for (const v of [...testdata("accepted"), ...testdata("refused")])
    for (const s of v.steps) if (s.datagram) seeds.push(unhex(s.datagram));
  for (const suite of [1, 2]) {
    const sealed = new Sender({ key, suite });
    seeds.push(sealed.announce(START), ...sealed.frame(randomJPEG(2000, next), 1, START));
  }
  const ring = () => new seal.Keyring([key]),
    options = { onFrame() {}, onSend() {} };
  let open = new Assembler(options),
    sealed = new Assembler({ ...options, keyring: ring() }),
    now = START;
  const subscriber = new Subscriber(),
    began = process.cpuUsage().user;
  for (let i = 0; i < rounds; i++) {
    if (i % 2000 === 0) [open, sealed] = [new Assembler(options), new Assembler({ ...options, keyring: ring() })];
    let b = seeds[below(seeds.length)].slice(0, next() < 0.1 ? below(2000) : undefined);
    for (let n = below(4); n && b.length; n--)
      b[next() < 0.8 ? below(Math.min(40, b.length)) : below(b.length)] =
        next() < 0.5 ? below(256) : [0, 1, 127, 128, 255][below(5)];
    now += below(20);
    for (const a of [open, sealed]) {
      a.add(b.slice(), `192.0.2.${below(4)}:1`, now);
      while (a.deadline <= now) a.expire(now);
      assert.ok(a.memory.used >= 0 && a.memory.used <= limits.MAX_PENDING_BYTES);
    }
    subscriber.read(b, now);
  }
  assert.ok((process.cpuUsage().user - began) / rounds < 1000, "microseconds a datagram");
});
