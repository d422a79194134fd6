// All vectors of protocol/testdata: what is written, what is read, what is shown, and what must be refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RemoteClock } from "../src/clock.js";
import { Assembler, Subscriber } from "../src/index.js";
import * as seal from "../src/seal.js";
import * as wire from "../src/wire.js";
import { hex, START, testdata, unhex, vectorFrame } from "./helpers.mjs";

/** @typedef {any} Vector */

/** @param {Vector} v */
const reportOf = (v) =>
  wire.writeReport(
    {
      largest: v.report.largest,
      late: v.report.late,
      age: v.report.age_ms,
      trains: (v.report.trains ?? []).map((/** @type {any} */ t) => ({
        id: t.frame_id,
        first: t.first_us / 1000,
        came: t.came,
        took: t.took_us / 1000,
        span: t.span_us / 1000,
        lostFirst: t.lost_first,
        lostSecond: t.lost_second,
        runs: t.runs,
      })),
    },
    v,
    { sent: v.report.sent_us % 2 ** 48, echo: v.report.echo_us % 2 ** 48, held: v.report.held_us },
  );

/** What each kind of datagram is written as, or read as. @type {Record<string, (v: Vector) => void>} */
const kinds = {
  report: (v) => assert.equal(hex(reportOf(v)), v.datagram),
  request: (v) =>
    assert.equal(
      hex(
        wire.writeRequest(
          {
            id: v.request.frame_id,
            block: v.request.block,
            need: v.request.need,
            k: v.request.data,
            missing: v.request.missing ?? [],
          },
          v,
        ),
      ),
      v.datagram,
    ),
  subscribe: (v) =>
    assert.equal(
      hex(wire.writeSubscribe({ ...v.subscribe, number: unhex(v.subscribe.number), cookie: unhex(v.subscribe.cookie) })),
      v.datagram,
    ),
  answer: (v) =>
    assert.deepEqual(wire.parseAnswer(unhex(v.datagram)), {
      number: unhex(v.answer.number),
      cookie: unhex(v.answer.cookie),
      status: v.answer.status,
    }),
  skip: (v) => assert.deepEqual(wire.parseSkip(unhex(v.datagram)), { first: v.skip.first, last: v.skip.last }),
  announcement(v) {
    const a = wire.parseAnnouncement(unhex(v.datagram)),
      want = v.announcement;
    assert.deepEqual(
      [a?.name, a?.width, a?.height, a && a.fps * 1000, a?.relays, a?.clock, a?.newest],
      [
        want.name,
        want.width ?? 0,
        want.height ?? 0,
        want.milli_fps ?? 0,
        want.relays ?? [],
        { sent: wire.stamp(START), echo: 0, held: 0 },
        0,
      ],
    );
  },
  frame(v) {
    const jpeg = vectorFrame(v.frame.length),
      lost = (v.parity ?? 0) + (v.late_rows ?? []).length;
    /** @type {import("../src/assembler.js").Frame[]} */ const frames = [];
    const assembler = new Assembler({ onFrame: (f) => frames.push(f) });
    const now = v.frame.captured_us / 1000 + 1000;
    v.segments.forEach((/** @type {any} */ s, /** @type {number} */ i) => {
      if (i < lost && !s.parity) return; // parity is to make up for the first ones
      const payload = s.parity ? unhex(s.parity) : jpeg.subarray(s.offset, s.offset + s.length);
      assembler.add(Uint8Array.of(...unhex(s.header), ...payload), "192.0.2.1:1", now);
    });
    assembler.expire(now + 1000); // nothing announces it, so it has to wait for a name
    assert.deepEqual(
      Object.keys(assembler.stats.leftOut).filter((why) => why !== "spare"),
      [],
    );
    assert.equal(frames.length, 1);
    assert.deepEqual(
      [frames[0].id, frames[0].captured, frames[0].stream],
      [v.frame.id, v.frame.captured_us / 1000, "192.0.2.1"],
    );
    assert.deepEqual(frames[0].jpeg, jpeg);
  },
};

for (const v of testdata("vectors")) {
  test(`vectors: ${v.name}`, () => {
    const kind = Object.keys(kinds).filter((k) => k in v);
    assert.equal(kind.length, 1);
    kinds[kind[0]](v);
  });
}

for (const name of ["sealed-chacha20-poly1305", "sealed-aes-256-gcm"]) {
  test(name, () => {
    const v = testdata(name),
      key = new seal.Key(v.key);
    assert.equal(key.id, v.key_id);
    const ring = new seal.Keyring([key]);
    Object.assign(ring.origin, { id: unhex(v.receiver), counter: BigInt(v.counter) - 1n });
    const subscriber = new Subscriber({ name: "front-door", key });
    subscriber.number = unhex("0123456789abcdef");
    Object.assign(subscriber.origin, ring.origin);
    /** @type {seal.Opener | null} */ let opener = null;
    /** @param {string} sealed */
    const open = (sealed) => {
      const opened = ring.openAnnouncement(unhex(sealed), opener, 0, START);
      if (typeof opened === "string") throw new Error(opened);
      ({ opener } = opened);
      return hex(opened.open);
    };
    /** @type {Record<string, (d: {open: string, sealed: string}) => void>} */
    const checks = {
      announcement: (d) => assert.equal(open(d.sealed), d.open + v.receiver),
      segment(d) {
        const b = unhex(d.sealed),
          want = unhex(d.open),
          s = wire.parseSegment(/** @type {wire.Prefix} */ (wire.parsePrefix(b)), b);
        assert.ok(s && opener);
        assert.equal(opener.openSegment(s, b), "");
        assert.deepEqual(s.payload, want.slice(28));
        b[40] ^= 1;
        assert.equal(opener.openSegment(s, b), "wrong-key");
      },
      skip: (d) => assert.equal(open(d.sealed), d.open),
      feedback: (d) => assert.equal(hex(/** @type {seal.Opener} */ (opener).seal(unhex(d.open))), d.sealed),
      subscribe: (d) => assert.equal(hex(subscriber.next(START) ?? new Uint8Array()), d.sealed),
      answer(d) {
        assert.equal(hex(key.openAnswer(unhex(d.sealed))?.open ?? new Uint8Array()), d.open);
        assert.ok(subscriber.read(unhex(d.sealed), START));
        assert.equal(subscriber.state(START), "full");
      },
    };
    for (const d of v.datagrams) {
      const kind = /segment/.test(d.name) ? "segment" : /report|request/.test(d.name) ? "feedback" : d.name.split(",")[0];
      checks[kind](d);
    }
  });
}

/** Where reasons have another name here, or several reasons another reader tells apart are one. @param {string} why */
const harmless = (why) => (["late", "spare", "duplicate"].includes(why) ? "late" : why);

for (const file of ["refused", "accepted"]) {
  for (const v of testdata(file).filter((/** @type {any} */ v) => v.reader === "receiver")) {
    test(`${file}: ${v.section}: ${v.name}`, () => {
      /** @type {import("../src/assembler.js").Frame[]} */ let frames = [];
      const keyring = v.key && new seal.Keyring([new seal.Key(v.key)]);
      if (keyring) keyring.origin.id = unhex(v.receiver);
      const assembler = new Assembler({ onFrame: (f) => frames.push(f), onSend() {}, keyring });
      const counts = () =>
        Object.entries({ ...assembler.stats.leftOut }).flatMap(([why, n]) => Array(n).fill(harmless(why)));
      v.steps.forEach((/** @type {any} */ step, /** @type {number} */ i) => {
        const at = step.at_us / 1000,
          what = `step ${i}`,
          before = counts().length,
          dropped = { ...assembler.stats.dropped };
        frames = [];
        while (assembler.deadline <= at) assembler.expire(assembler.deadline);
        const between = { ...assembler.stats.leftOut };
        if (step.datagram !== undefined) assembler.add(unhex(step.datagram), step.from, at);
        assembler.expire(at);
        const why = Object.entries(assembler.stats.leftOut)
          .filter(([name, n]) => n !== (between[name] ?? 0))
          .map(([name]) => harmless(name));
        assert.deepEqual(why, step.refused ? [harmless(step.refused)] : [], what);
        assert.ok(counts().length - before <= 1, what);
        if (step.dropped)
          assert.ok(
            (assembler.stats.dropped[step.dropped] ?? 0) > (dropped[step.dropped] ?? 0),
            `${what}: ${JSON.stringify(assembler.stats)}`,
          );
        assert.deepEqual(
          frames.map((f) => ({ stream: f.stream, id: f.id, length: f.jpeg.length })),
          step.shown ?? [],
          what,
        );
        for (const f of frames) assert.deepEqual(f.jpeg, vectorFrame(f.jpeg.length), what);
      });
    });
  }
  for (const v of testdata(file).filter((/** @type {any} */ v) => v.reader === "subscriber")) {
    test(`${file}: ${v.section}: ${v.name}`, () => {
      const subscriber = new Subscriber(v.key ? { key: new seal.Key(v.key) } : {});
      subscriber.number = unhex(v.number);
      v.steps.forEach((/** @type {any} */ step, /** @type {number} */ i) => {
        if (step.datagram === undefined) return;
        assert.equal(subscriber.read(unhex(step.datagram), step.at_us / 1000), !step.refused, `step ${i}: ${step.refused}`);
      });
    });
  }
}

for (const v of testdata("exchange")) {
  test(`exchange: ${v.name}`, () => {
    const key = v.key && new seal.Key(v.key),
      keyring = key && new seal.Keyring([key]);
    if (keyring) keyring.origin.id = unhex(v.receiver);
    /** @type {number[]} */ let shown = [];
    const assembler = new Assembler({ onFrame: (f) => shown.push(f.id), onSend() {}, keyring }),
      clock = new RemoteClock();
    for (const m of v.messages) {
      shown = [];
      const at = m.came_us / 1000,
        b = unhex(m.sealed || m.open);
      if (m.by === "sender" && at) {
        assembler.add(b, "192.0.2.1:1", at);
        assert.deepEqual(shown, m.shown === undefined ? [] : [m.shown], m.what);
      }
      if (!m.round_trip_us || m.by !== "sender") continue;
      const a = wire.parseAnnouncement(unhex(m.open));
      assert.ok(a, m.what);
      clock.hear(a.clock, at, false);
      assert.ok(
        Math.abs(clock.rtt * 1000 - m.round_trip_us) <= 1 && Math.abs((clock.best?.offset ?? 0) * 1000 - m.ahead_us) <= 1,
        `${clock.rtt} ${clock.best?.offset}`,
      );
    }
  });
}
