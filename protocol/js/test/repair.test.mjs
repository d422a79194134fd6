import assert from "node:assert/strict";
import { test } from "node:test";
import { checksum, repair } from "../src/repair.js";
import { parityShard, random } from "./helpers.mjs";

test("repair gives the missing shards back, whatever is missing", () => {
  const next = random(1),
    below = (/** @type {number} */ n) => Math.floor(next() * n);
  for (let round = 0; round < 300; round++) {
    const k = 1 + below(round % 10 ? 20 : 192),
      sent = 1 + below(k),
      stride = 64 * (1 + below(3));
    const data = Array.from({ length: sent }, (_, c) =>
      new Uint8Array(c + 1 < sent ? stride : 1 + below(stride)).map(() => next() * 256),
    );
    const missing = Array.from(data.keys())
      .filter(() => next() < 0.3)
      .slice(0, 256 - k);
    /** @type {Map<number, Uint8Array>} */ const rows = new Map();
    while (rows.size < missing.length) {
      const j = below(256 - k);
      if (!rows.has(j)) rows.set(j, parityShard(data, k, j, stride));
    }
    const holes = data.map((shard, c) => (missing.includes(c) ? undefined : shard));
    repair(holes, rows, k, stride);
    for (const c of missing) {
      const whole = new Uint8Array(stride);
      whole.set(data[c]);
      assert.deepEqual(holes[c], whole, `shard ${c} of ${k}, missing ${missing}`);
    }
  }
});

test("checksum is CRC-32C", () => {
  // The examples of RFC 3720, appendix B.4, and the usual check value.
  assert.equal(checksum(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(checksum(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(checksum(new TextEncoder().encode("123456789")), 0xe3069283);
});
