// The repair code: systematic Reed-Solomon over GF(2⁸) with a Cauchy matrix, and the checksum of frames. "Parity" and
// "Repair" in protocol/README.md have the formulas.

const log = new Uint8Array(256), exp = new Uint8Array(510);
for (let i = 0, x = 1; i < 255; i++, x = (x << 1) ^ (x > 127 ? 0x11d : 0)) exp[(log[x] = i)] = exp[i + 255] = x;

/** Logarithm of the product of (n xor m) over all m in `over`, divided by that over all m in `under`, both without m = n. */
function ratio(/** @type {number} */ n, /** @type {number[]} */ over, /** @type {number[]} */ under) {
  let sum = 0;
  for (const m of over) sum += log[n ^ m];
  for (const m of under) sum += 255 - log[n ^ m];
  return sum % 255;
}

// table has, for each byte, its products with the factors of four missing shards, packed into one number. So each byte of a
// shard needs one look-up for four shards.
const table = new Uint32Array(256);

/** @param {number} factors four bytes, packed */
function fillTable(factors) {
  for (let bit = 1; bit < 256; bit <<= 1) {
    for (let i = 0; i < bit; i++) table[bit + i] = table[i] ^ factors;
    factors = ((factors & 0x7f7f7f7f) << 1) ^ (((factors >>> 7) & 0x01010101) * 0x1d); // times 2
  }
}

/**
 * Adds the products of a shard to the sums. Four steps in one make it half as fast again.
 * @param {Uint8Array} shard @param {Uint32Array} sums
 */
function addProducts(shard, sums) {
  let i = 0;
  for (; i + 3 < shard.length; i += 4) {
    sums[i] ^= table[shard[i]];
    sums[i + 1] ^= table[shard[i + 1]];
    sums[i + 2] ^= table[shard[i + 2]];
    sums[i + 3] ^= table[shard[i + 3]];
  }
  for (; i < shard.length; i++) sums[i] ^= table[shard[i]];
}

/**
 * Computes the data shards of a block that are missing from `data`, and puts them there: each a whole stride. A shard that
 * is shorter than the stride ends in zeros; shards behind the end of `data` are all zeros. `rows` has parity shards by
 * their row, at least as many as are missing.
 * @param {(Uint8Array | undefined)[]} data @param {Map<number, Uint8Array>} rows @param {number} k @param {number} stride
 */
export function repair(data, rows, k, stride) {
  const missing = [...data.keys()].filter((c) => !data[c]);
  const used = [...rows.keys()].slice(0, missing.length).map((j) => k + j);
  const a = missing.map((x) => ratio(x, used, missing)), sums = new Uint32Array(stride);
  /** @type {[number, Uint8Array, number][]} number, bytes and the logarithm of b(number) */
  const shards = used.map((y) => [y, /** @type {Uint8Array} */ (rows.get(y - k)), ratio(y, missing, used)]);
  data.forEach((shard, y) => shard && shards.push([y, shard, ratio(y, missing, used)]));
  for (let from = 0; from < missing.length; from += 4) {
    const four = missing.slice(from, from + 4);
    sums.fill(0);
    for (const [y, shard, b] of shards) {
      let factors = 0;
      four.forEach((x, i) => (factors |= exp[(a[from + i] + b + 255 - log[x ^ y]) % 255] << (8 * i)));
      fillTable(factors);
      addProducts(shard, sums);
    }
    four.forEach((x, i) => {
      const out = (data[x] = new Uint8Array(stride));
      for (let at = 0; at < stride; at++) out[at] = sums[at] >>> (8 * i);
    });
  }
}

const castagnoli = new Uint32Array(256).map((_, n) => {
  for (let bit = 0; bit < 8; bit++) n = (n >>> 1) ^ (n & 1 ? 0x82f63b78 : 0);
  return n;
});

/** CRC-32C (RFC 9260, appendix A). @param {Uint8Array} b */
export function checksum(b) {
  let crc = -1;
  for (let i = 0; i < b.length; i++) crc = castagnoli[(crc ^ b[i]) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}
