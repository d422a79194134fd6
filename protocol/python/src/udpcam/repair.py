"""The repair code, Reed-Solomon over GF(2^8) with a Cauchy matrix, and the checksum of a frame, CRC-32C.

bytes.translate multiplies a whole shard by a number: 1.4 us for 1408 bytes, where numpy's take needs 2.3. numpy adds.
"""
from __future__ import annotations

from functools import lru_cache
from typing import Any, Sequence

import numpy as np

from .wire import Layout

_EXP, _LOG = [1] * 255, [0] * 256
for _i in range(1, 255):
    _EXP[_i] = _EXP[_i - 1] << 1 ^ (0x11D if _EXP[_i - 1] & 0x80 else 0)
    _LOG[_EXP[_i]] = _i
_PRODUCTS = [bytes([_EXP[(_LOG[f] + _LOG[x]) % 255] if f and x else 0 for x in range(256)]) for f in range(256)]


def _sum(shards: Sequence[bytes], factors: Sequence[int], stride: int) -> bytes:
    """The sum of shards times factors, which are logarithms. Each shard is a stride of bytes."""
    products = b"".join([s.translate(_PRODUCTS[_EXP[f % 255]]) for s, f in zip(shards, factors)])
    return bytes(np.bitwise_xor.reduce(np.frombuffer(products, np.uint64).reshape(-1, stride // 8), axis=0).tobytes())


def encode(lay: Layout, block: int, frame: bytes, rows: Sequence[int]) -> list[bytes]:
    """Rows of parity of one block of a frame."""
    starts = range(block * lay.stride, lay.length, lay.blocks * lay.stride)
    shards = [frame[at:at + lay.stride].ljust(lay.stride, b"\0") for at in starts]
    return [_sum(shards, [-_LOG[(lay.k + j) ^ c] for c in range(len(shards))], lay.stride) for j in rows]


def rebuild(k: int, stride: int, shards: dict[int, bytes], missing: Sequence[int]) -> list[bytes]:
    """The missing data shards of a block, from all others and as much parity, by Lagrange's interpolation."""
    z = [n for n in shards if n >= k][:len(missing)]
    numbers = [n for n in shards if n < k] + z

    def ratio(n: int, over: Sequence[int], under: Sequence[int]) -> int:
        return sum(_LOG[n ^ m] for m in over) - sum(_LOG[n ^ m] for m in under)  # of n ^ n it is 0: left out

    having, b = [shards[y] for y in numbers], [ratio(y, missing, z) for y in numbers]
    return [_sum(having, [a + by - _LOG[x ^ y] for y, by in zip(numbers, b)], stride)
            for x, a in [(x, ratio(x, z, missing)) for x in missing]]


_crc = np.arange(256, dtype="<u4")
for _i in range(8):
    _crc = _crc >> 1 ^ np.where(_crc & 1, np.uint32(0x82F63B78), np.uint32(0))


@lru_cache(maxsize=32)
def _tables(level: int) -> Any:
    """What 2**level zero bytes make of a checksum: a table for each of its four bytes."""
    x = np.arange(256, dtype="<u4")[None, :] << np.array([[0], [8], [16], [24]], "<u4")
    return x >> 8 ^ _crc[x & 255] if level == 0 else _shift(_shift(x, level - 1), level - 1)


def _shift(crcs: Any, level: int) -> Any:
    b, t = np.ascontiguousarray(crcs, "<u4").view(np.uint8).reshape(*crcs.shape, 4), _tables(level)
    return t[0].take(b[..., 0]) ^ t[1].take(b[..., 1]) ^ t[2].take(b[..., 2]) ^ t[3].take(b[..., 3])


def crc32c(data: bytes) -> int:
    """CRC-32C (RFC 9260, appendix A) of 4 bytes and more. Neighbours are joined in a tree: 0.4 ms for 80 kB."""
    crc, odd, level = 0xFFFFFFFF, len(data) % 4, 2
    for x in data[:odd]:
        crc = crc >> 8 ^ int(_crc[(crc ^ x) & 255])
    words: Any = np.frombuffer(data, "<u4", offset=odd).copy()
    words[0] ^= crc
    while len(words) > 1:
        if len(words) % 2:
            words = np.concatenate([np.zeros(1, "<u4"), words])
        words, level = _shift(words[0::2], level) ^ words[1::2], level + 1
    return int(_shift(words, 2)[0]) ^ 0xFFFFFFFF
