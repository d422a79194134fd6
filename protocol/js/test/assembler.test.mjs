// Frames over bad networks, in simulated time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Assembler } from "../src/index.js";
import { Key, Keyring } from "../src/seal.js";
import { random, randomJPEG, START } from "./helpers.mjs";
import { Sender, Simulation } from "./sender.mjs";

const key = new Key("PjDaaSM/ABAObNpJrC+croLCGVxMH+AH/JrH1cL7CO0=");
const CAMERA = "192.0.2.1:5000";

/**
 * Sends frames for some seconds, and checks that those that are shown are in order and as they were sent.
 * @param {{loss?: number, jitter?: number, twice?: number, frames?: number, size?: number, oneWay?: boolean, sender: Sender,
 *   keyring?: Keyring}} o
 */
function send({ loss = 0, jitter = 0, twice = 0, frames = 90, size = 78_000, oneWay = false, sender, keyring }) {
  const next = random(7),
    sim = new Simulation(START),
    sent = new Map(),
    /** @type {number[]} */ shown = [],
    /** @type {number[]} */ waits = [];
  const across = (/** @type {Uint8Array} */ b, /** @type {(b: Uint8Array) => void} */ come) => {
    for (let copies = next() < twice ? 2 : 1; copies; copies--) {
      if (next() >= loss) sim.at(sim.now + 2 + next() * jitter, () => come(b.slice()));
    }
  };
  const toReceiver = (/** @type {Uint8Array} */ b) => across(b, (b) => assembler.add(b, CAMERA, sim.now));
  const assembler = new Assembler({
    keyring,
    onFrame(f) {
      assert.equal(f.stream, "door");
      assert.ok(!shown.length || f.id > shown[shown.length - 1], "in order");
      assert.ok(f.jpeg.length === size && Buffer.compare(f.jpeg, sent.get(f.id)) === 0, "byte for byte");
      shown.push(f.id);
      waits.push(sim.now - f.captured);
    },
    onSend: oneWay
      ? undefined
      : (b, to) => {
          assert.equal(to, CAMERA);
          across(b, (b) => sender.take(b, sim.now).forEach(toReceiver));
        },
  });
  const tick = (/** @type {number} */ id) => {
    const jpeg = randomJPEG(size, next);
    sent.set(id, jpeg);
    for (let n = id ? 1 : 4; n && (id < 10 || id % 6 === 0); n--) toReceiver(sender.announce(sim.now));
    sender.frame(jpeg, id, sim.now).forEach((b, i) => sim.at(sim.now + i * 0.01, () => toReceiver(b)));
    if (id + 1 < frames) sim.at(sim.now + 33, () => tick(id + 1));
  };
  sim.at(START, () => tick(0));
  sim.run(START + frames * 33 + 3000, assembler);
  const { used } = assembler.memory;
  assert.equal(used, 0, "nothing is held at the end");
  waits.sort((a, b) => a - b);
  return {
    shown,
    stats: assembler.stats,
    assembler,
    p50: waits[waits.length >> 1],
    p99: waits[Math.floor(waits.length * 0.99)],
  };
}

/** @type {{name: string, loss?: number, jitter?: number, twice?: number}[]} */
const networks = [
  { name: "no loss" },
  { name: "1 % lost", loss: 0.01 },
  { name: "5 % lost", loss: 0.05 },
  { name: "10 % lost, in any order, some twice", loss: 0.1, jitter: 4, twice: 0.05 },
];
for (const { name, ...network } of networks) {
  test(`every frame comes: ${name}`, () => {
    const { shown, stats, p99 } = send({ ...network, sender: new Sender({ parity: 6 }) });
    assert.equal(shown.length, 90, JSON.stringify(stats));
    assert.ok(p99 < 50, `p99 ${p99} ms`);
    assert.deepEqual(stats.dropped, {});
    assert.equal(stats.byParity + stats.byRequest > 0, (network.loss ?? 0) > 0);
  });
  test(`every frame comes, without parity that is sent before it is asked for: ${name}`, () => {
    const { shown, stats } = send({ ...network, sender: new Sender() });
    const joined = network.jitter ? 1 : 0; // what came first was in the middle of frame 0: that is not asked for
    assert.deepEqual(
      shown.slice(-90 + joined),
      Array.from({ length: 90 - joined }, (_, i) => i + joined),
      JSON.stringify(stats),
    );
    assert.equal(stats.byRequest > 0, (network.loss ?? 0) > 0);
  });
}

test("every frame comes: sealed, 5 % lost, both suites", () => {
  for (const suite of [1, 2]) {
    const { shown, stats } = send({
      loss: 0.05,
      frames: 60,
      size: 20_000,
      sender: new Sender({ parity: 2, key, suite }),
      keyring: new Keyring([key]),
    });
    assert.ok(shown.length >= 59, JSON.stringify(stats)); // none is shown before the sender has echoed a report
  }
});

test("frames of several blocks", () => {
  const { shown } = send({ loss: 0.05, frames: 40, size: 300_000, sender: new Sender({ parity: 10, segment: 448 }) });
  assert.equal(shown.length, 40);
});

test("one way, parity alone repairs, and a frame that cannot be repaired holds up nothing", () => {
  const { shown, stats, p99 } = send({ loss: 0.05, oneWay: true, sender: new Sender({ parity: 3 }) });
  assert.ok(shown.length > 45 && shown.length < 90, `${shown.length}`);
  assert.ok(p99 < 10, `${p99}`);
  assert.equal(stats.feedback, 0);
  assert.ok(stats.byParity > 10);
});

test("without the key, and with another, nothing is shown and nothing is answered", () => {
  const other = new Key("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
  for (const keyring of [undefined, new Keyring([other])]) {
    const { shown, stats } = send({ frames: 10, size: 5000, sender: new Sender({ key }), keyring });
    assert.deepEqual([shown.length, stats.feedback, stats.requests], [0, 0, 0]);
  }
});

test("a sealed session that somebody recorded is not shown", () => {
  const sender = new Sender({ key }),
    /** @type {Uint8Array[]} */ recorded = [];
  const jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xd9);
  const first = new Assembler({
    keyring: new Keyring([key]),
    onFrame: (f) => shown.push(f.id),
    onSend: (b) => feedback.push(b),
  });
  const /** @type {number[]} */ shown = [],
    /** @type {Uint8Array[]} */ feedback = [];
  for (let id = 0; id < 3; id++) {
    const now = START + 33 * id,
      all = [sender.announce(now), ...sender.frame(jpeg, id, now)];
    for (const b of feedback.splice(0)) all.push(...sender.take(b, now + 1));
    recorded.push(...all.map((b) => b.slice()));
    for (const b of all) first.add(b, CAMERA, now + 2);
    first.expire(now + 2);
  }
  assert.deepEqual(shown, [1, 2]); // of the frames that came before the proof, only the newest is shown
  /** @type {string[]} */ const why = [];
  const second = new Assembler({
    keyring: new Keyring([key]),
    onFrame: () => assert.fail("shown"),
    onSend() {},
    onIgnored: (w) => why.push(w),
  });
  for (const b of recorded) second.add(b.slice(), CAMERA, START + 60_000);
  for (let now = START + 60_000; now < START + 65_000; now += 100) {
    second.add(recorded[0].slice(), CAMERA, now);
    second.expire(now);
  }
  assert.deepEqual(why, ["unproven"]);
});

test("a camera that starts again keeps its name, and two cameras do not share one", () => {
  /** @type {string[]} */ const shown = [];
  const assembler = new Assembler({ onFrame: (f) => shown.push(`${f.stream} ${f.id}`), onSend() {} });
  const jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xd9);
  const come = (
    /** @type {Sender} */ s,
    /** @type {string} */ from,
    /** @type {number} */ id,
    /** @type {number} */ now,
  ) => {
    for (const b of [s.announce(now), ...s.frame(jpeg, id, now)]) assembler.add(b, from, now);
  };
  const a = new Sender({ session: 1 }),
    b = new Sender({ session: 2 }),
    again = new Sender({ session: 3 });
  for (let i = 0; i < 20; i++) {
    come(a, "192.0.2.1:5000", i, START + 50 * i);
    come(b, "[2001:db8::2]:5000", i, START + 50 * i);
  }
  assert.deepEqual(new Set(shown.map((s) => s.split(" ")[0])), new Set(["door", "door@2001:db8::2"]));
  come(again, "192.0.2.1:5001", 100, START + 1300); // 350 ms of silence
  assert.equal(shown[shown.length - 1], "door 100");
  assert.deepEqual(assembler.streams.map((s) => s.name).sort(), ["door", "door@2001:db8::2"]);
});

test("frames that the sender leaves out are neither waited nor asked for", () => {
  /** @type {number[]} */ const shown = [],
    /** @type {number[]} */ asked = [];
  const assembler = new Assembler({
    onFrame: (f) => shown.push(f.id),
    onSend: (b) => (b[2] & 15) === 5 && asked.push(b[11]),
  });
  const sender = new Sender(),
    jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xd9),
    skip = (/** @type {number} */ first, /** @type {number} */ last) =>
      Uint8Array.of(...sender.prefix(8), 0, 0, 0, first, 0, 0, 0, last);
  for (const [at, b] of /** @type {[number, Uint8Array[]][]} */ ([
    [0, [sender.announce(START), ...sender.frame(jpeg, 1, START)]],
    [33, [skip(2, 2)]],
    [66, [skip(2, 3)]],
    [99, sender.frame(jpeg, 4, START)],
  ]))
    for (const d of b) assembler.add(d, CAMERA, START + at);
  assembler.expire(START + 130);
  assert.deepEqual([shown, asked, assembler.stats.skipped, assembler.stats.dropped], [[1, 4], [], 2, {}]);
});

test("after a pause of the receiver, what came meanwhile is read before anything is given up", () => {
  /** @type {number[]} */ const shown = [];
  const assembler = new Assembler({ onFrame: (f) => shown.push(f.id), onSend() {} }),
    sender = new Sender();
  const come = (/** @type {Uint8Array[]} */ all, /** @type {number} */ at) =>
    all.forEach((b) => assembler.add(b, CAMERA, START + at));
  const [a, b, c] = [0, 1, 2].map((id) => sender.frame(randomJPEG(3000, random(id)), id, START));
  come([sender.announce(START), ...a, ...b.slice(1)], 0);
  assembler.expire(START + 1); // asks for what frame 1 lacks
  come([...c, b[0]], 900); // the process could not run for 0.9 s
  assembler.expire(START + 900);
  assert.deepEqual([shown, assembler.stats.dropped, assembler.stats.requests], [[0, 1, 2], {}, 1]);
});

test("a pause of the receiver within a frame does not count as the path's", () => {
  for (const waited of [false, true]) {
    /** @type {Uint8Array[]} */ const reports = [];
    const assembler = new Assembler({ onFrame() {}, onSend: (b) => reports.push(b) }), sender = new Sender();
    const [first, ...rest] = sender.frame(randomJPEG(30_000, random(1)), 0, START);
    assembler.add(first, CAMERA, START);
    for (const b of rest) assembler.add(b, CAMERA, START + 40, waited);
    assembler.expire(START + 300);
    const [took, span] = [44, 48].map((at) => Buffer.from(reports[0]).readUInt32BE(at));
    assert.ok(waited ? took === 0 && span === 0 : took === 40_000 && span > 2000, `${took} ${span} us`);
  }
});

test("a datagram in a Buffer is read like any other", () => {
  const sender = new Sender({ key, suite: 2 }),
    /** @type {number[]} */ shown = [];
  const assembler = new Assembler({ keyring: new Keyring([key]), onFrame: (f) => shown.push(f.id) }); // one way
  const jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xd9);
  for (const b of [sender.announce(START), ...sender.frame(jpeg, 1, START)]) assembler.add(Buffer.from(b), CAMERA, START);
  assert.deepEqual(shown, [1]);
});

test("a frame says what repaired it, and an intact one is not checked", () => {
  for (const intact of [false, true]) {
    const sender = new Sender({ parity: 2 }), /** @type {string[]} */ shown = [], /** @type {Uint8Array[]} */ asked = [];
    const assembler = new Assembler({ onFrame: (f) => shown.push(f.repaired), onSend: (b) => asked.push(b), intact, tail: 6 });
    const add = (/** @type {Uint8Array[]} */ all, /** @type {number} */ now) => all.forEach((b) => assembler.add(b, CAMERA, now));
    const jpeg = randomJPEG(20_000, random(1));
    for (let id = 0; id < 4; id++) {
      const now = START + id * 33, all = sender.frame(jpeg, id, now);
      add([sender.announce(now)], now);
      if (id === 3) all[5][100] ^= 1; // it is damaged
      add(id === 1 ? all.slice(1) : id === 2 ? all.slice(0, -4) : all, now); // missing: the first; two at the end, and all parity
      assembler.expire(now);
      asked.length = 0;
      assembler.expire(now + 5.9);
      assert.ok(!asked.some((b) => (b[2] & 15) === 5), "it waits for the rest");
      assembler.expire(now + 6.1);
      for (const b of asked.filter((b) => (b[2] & 15) === 5)) add(sender.take(b, now), now + 10);
    }
    assert.deepEqual(shown, intact ? ["", "parity", "request", ""] : ["", "parity", "request"], JSON.stringify(assembler.stats));
  }
});
