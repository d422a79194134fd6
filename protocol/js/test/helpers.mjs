import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";

globalThis.crypto ??= /** @type {Crypto} */ (webcrypto); // Node 18 has it under this name only

export const START = 1_795_176_000_000; // milliseconds

/** @param {string} hex */
export const unhex = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
/** @param {Uint8Array} b */
export const hex = (b) => Buffer.from(b).toString("hex");

/** The vectors of a file in protocol/testdata. @param {string} name @returns {any} */
export const testdata = (name) => JSON.parse(readFileSync(new URL(`../../testdata/${name}.json`, import.meta.url), "utf8"));

/** The bytes of a frame in the vectors. @param {number} length */
export function vectorFrame(length) {
  const b = new Uint8Array(length).map((_, i) => i * 167 + (i >> 8));
  b.set([0xff, 0xd8]);
  b.set([0xff, 0xd9], length - 2);
  return b;
}

/** Random numbers from 0 to 1 that are the same in each run (mulberry32). @param {number} seed */
export const random = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

/** Slow and simple: the product of two elements of GF(2⁸). @param {number} a @param {number} b */
export function multiply(a, b) {
  let product = 0;
  for (; b; b >>= 1, a = (a << 1) ^ (a & 0x80 ? 0x11d : 0)) if (b & 1) product ^= a;
  return product;
}

const products = Array.from({ length: 256 }, (_, a) => Uint8Array.from({ length: 256 }, (_, b) => multiply(a, b)));
const inverse = products.map((row) => row.indexOf(1));

/**
 * Parity shard j of data shards, as the specification defines it.
 * @param {Uint8Array[]} data @param {number} k @param {number} j @param {number} stride
 */
export function parityShard(data, k, j, stride) {
  const out = new Uint8Array(stride);
  data.forEach((shard, c) => {
    const row = products[inverse[(k + j) ^ c]];
    shard.forEach((b, i) => (out[i] ^= row[b]));
  });
  return out;
}

/** Random bytes between the first and the last two of a JPEG. @param {number} size @param {() => number} next */
export function randomJPEG(size, next) {
  const b = new Uint8Array(size);
  for (let i = 0, x = 1 + Math.floor(next() * 2 ** 31); i < size; i++) {
    ((x ^= x << 13), (x ^= x >>> 17), (x ^= x << 5));
    b[i] = x;
  }
  b.set([0xff, 0xd8]);
  b.set([0xff, 0xd9], size - 2);
  return b;
}
