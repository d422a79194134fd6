"""The datagrams of udpcam/1, read and written: protocol/README.md is their specification. Times are microseconds since the
Unix epoch; on the wire they have 48 bits. What is refused raises one of MALFORMED, of which reason tells why."""
from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple, Sequence

DATA, PARITY, ANNOUNCEMENT, REPORT, REQUEST, SUBSCRIBE, ANSWER, SKIP = range(1, 9)
REPAIR = 8  # added to DATA or PARITY if the segment answers a request
MAGIC, VERSION, SEALED, TAG, STAMP, SECOND = 0xCA, 0x10, 0x80, 16, (1 << 48) - 1, 1_000_000
DEFAULT_PORT, MAX_FRAME, MAX_BLOCK_DATA = 12345, (1 << 24) - 1, 192


class Refused(ValueError):
    """A datagram is not to be believed, or of no use. The text is a word for the reason."""


MALFORMED = (ValueError, struct.error, IndexError, ArithmeticError)  # what parsing may raise


def reason(e: Exception) -> str:
    return str(e) if isinstance(e, Refused) else "malformed"


def check(right: bool, why: str = "malformed") -> None:
    if not right:
        raise Refused(why)


def kind_of(b: bytes) -> int:
    check(len(b) >= 8 and b[1] == MAGIC and b[2] & 0x70 == VERSION, "foreign")
    return b[2] & 15


def near(stamp: int, now: int) -> int:
    """The time nearest to now that the wire has as stamp."""
    return now + ((stamp - now + (1 << 47)) & STAMP) - (1 << 47)


def ahead(a: int, b: int) -> int:
    """By how much frame a is ahead of frame b. IDs wrap (RFC 1982)."""
    return ((a - b + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def clean_name(raw: bytes) -> str:
    """A stream's name as it may be shown: printable, at most 64 bytes."""
    name = "".join(c for c in raw.decode("utf-8", "replace") if c.isprintable() and c != "\ufffd").lstrip(" ")
    return name.encode()[:64].decode("utf-8", "ignore").rstrip(" ")


Layout = NamedTuple("Layout", [("length", int), ("blocks", int), ("k", int), ("stride", int), ("segments", int)])


@lru_cache(maxsize=256)
def layout(length: int, blocks: int, k: int) -> Layout:
    """How a frame is divided into segments of a stride each, and these into blocks of at most k."""
    check(length > 0 < blocks and k > 0)
    stride = -(-length // (blocks * k * 64)) * 64
    n = -(-length // stride)
    # senders make only these
    check(blocks == -(-n // MAX_BLOCK_DATA) and k == -(-n // blocks) and (n == 1 or stride >= 256))
    return Layout(length, blocks, k, stride, n)


def layout_for(length: int, segment: int) -> Layout:
    """How a sender divides a frame."""
    blocks = -(-length // (segment * MAX_BLOCK_DATA))
    if not 0 < length <= MAX_FRAME or blocks > 255:
        raise ValueError(f"a frame of {length} bytes: it may have 1 to {min(MAX_FRAME, 255 * MAX_BLOCK_DATA * segment)}")
    return layout(length, blocks, -(-(-(-length // segment)) // blocks))


def prefix(kind: int, session: int = 0, stream: int = 0, block: int = 0) -> bytes:
    return struct.pack(">BBBBI", 0, MAGIC, VERSION | kind, stream, session << 8 | block)


Segment = NamedTuple("Segment", [
    ("frame", int), ("block", int), ("number", int),  # of the shard in its block: data from 0, parity from k
    ("place", int), ("sent", int),  # in the order of sending, and how many datagrams are sent
    ("repair", bool), ("layout", Layout), ("same", bytes),  # same is equal in all datagrams of a frame
    ("captured", int), ("crc", int), ("payload", bytes)])


def pack_segment(kind: int, number: int, session: int, stream: int, block: int, frame: int, lay: Layout, parity: int,
                 captured: int, crc: int) -> bytes:
    """The header of a segment."""
    countdown, times = (256 if kind & 7 == PARITY else lay.k) - number, lay.k << 56 | parity << 48 | captured & STAMP
    return struct.pack(">BBBBIIIQI", countdown, MAGIC, VERSION | kind, stream, session << 8 | block, frame,
                       lay.blocks << 24 | lay.length, times, crc)


def parse_segment(b: bytes) -> Segment:
    countdown, _, kind, _, word, frame, lengths, times, crc = struct.unpack_from(">BBBBIIIQI", b)
    lay, block, parity = layout(lengths & MAX_FRAME, lengths >> 24, times >> 56), word & 255, times >> 48 & 255
    is_parity = kind & 7 == PARITY
    number = (256 if is_parity else lay.k) - countdown
    place = number * lay.blocks + block if not is_parity else lay.segments + (number - lay.k) * lay.blocks + block
    size = lay.stride if is_parity else min(lay.stride, lay.length - place * lay.stride)
    check(block < lay.blocks and countdown > 0 and parity <= 256 - lay.k and not (kind & SEALED and crc)
          and (lay.k <= number and (bool(kind & REPAIR) or number < lay.k + parity) if is_parity else number >= 0)
          and 0 < size == len(b) - 28 - bool(kind & SEALED) * TAG)
    return Segment(frame, block, number, place, lay.segments + parity * lay.blocks, bool(kind & REPAIR), lay,
                   b[12:17] + b[18:28], times & STAMP, crc, b[28:])


class Echo(NamedTuple):
    """A clock echo."""
    sent: int
    echo: int = 0
    held: int = 0

    def pack(self) -> bytes:
        return self.sent.to_bytes(6, "big") + self.echo.to_bytes(6, "big") + self.held.to_bytes(4, "big")

    @staticmethod
    def parse(b: bytes) -> Echo:
        return Echo(*(int.from_bytes(part, "big") for part in struct.unpack("6s6s4s", b)))


Announcement = NamedTuple("Announcement", [
    ("name", str), ("width", int), ("height", int), ("milli_fps", int), ("newest", int), ("echo", Echo),
    ("receiver", bytes)])  # whose report the echo answers, in a sealed one


def pack_announcement(a: Announcement, session: int, stream: int = 0) -> bytes:
    name = clean_name(a.name.encode()).encode()
    fields = struct.pack(">HHII", *a[1:5]) + a.echo.pack()
    return prefix(ANNOUNCEMENT, session, stream) + fields + bytes([len(name)]) + name + a.receiver


def parse_announcement(b: bytes) -> Announcement:
    end = 37 + b[36]
    check(len(b) >= end and (len(b) <= end + 16 or b[end + 16] <= 8 and len(b) >= end + 17 + 4 * b[end + 16]))  # relays
    width, height, milli_fps, newest = struct.unpack_from(">HHII", b, 8)
    return Announcement(clean_name(b[37:end]), width, height, milli_fps, newest, Echo.parse(b[20:36]), b[end:end + 16])


# What came of the datagrams of a frame: its ID, first, came, took, span, lost of the first half, of the second, runs.
Train = Sequence[int]


def pack_report(session: int, stream: int, echo: Echo, largest: int, late: int, age: int, trains: Sequence[Train]) -> bytes:
    head = struct.pack(">HHI", min(largest, 0xFFFF), min(late, 0xFFFF), len(trains) << 24 | min(age, 0xFFFFFF))
    return prefix(REPORT, session, stream) + echo.pack() + head + b"".join(
        struct.pack(">IQIIHHH2x", frame, (first & STAMP) << 16 | came, min(took, 0xFFFFFFFF), min(span, 0xFFFFFFFF), *lost)
        for frame, first, came, took, span, *lost in trains)


def parse_report(b: bytes) -> tuple[Echo, list[Train]]:
    check(b[28] <= 8 and len(b) >= 32 + 28 * b[28])
    trains = struct.iter_unpack(">IQIIHHH2x", b[32:32 + 28 * b[28]])
    return Echo.parse(b[8:24]), [(frame, first >> 16, first & 0xFFFF, *rest) for frame, first, *rest in trains]


# What is wanted of a frame: k is 0 if all of it is, missing are data segments of the block.
Request = NamedTuple("Request", [("frame", int), ("block", int), ("need", int), ("k", int), ("missing", Sequence[int])])


def pack_request(r: Request, session: int, stream: int = 0) -> bytes:
    size = -(-r.k // 8)
    bits = sum(1 << size * 8 - 1 - c for c in r.missing).to_bytes(size, "big")
    return prefix(REQUEST, session, stream, r.block) + struct.pack(">IBBH", r.frame, r.need, r.k, 0) + bits


def parse_request(b: bytes) -> Request:
    need, k = b[12:14]
    check(len(b) >= 16 + -(-k // 8) and need <= k and (need == 0) == (k == 0))
    return Request(int.from_bytes(b[8:12], "big"), b[7], need, k, [c for c in range(k) if b[16 + c // 8] & 0x80 >> c % 8])


def parse_skip(b: bytes) -> tuple[int, int]:
    first, last = struct.unpack_from(">II", b, 8)
    check(ahead(last, first) >= 0)
    return first, last


def pack_subscribe(number: int, cookie: bytes, name: str, farewell: bool = False) -> bytes:
    raw = clean_name(name.encode()).encode()
    return prefix(SUBSCRIBE) + number.to_bytes(8, "big") + cookie + bytes([farewell, len(raw)]) + raw


def parse_answer(b: bytes) -> tuple[int, bytes, int]:
    """Number, cookie, and status: 0 ask again with this cookie, 1 subscribed, 2 full, 3 no such stream."""
    check(len(b) >= 34 and b[32] <= 3)
    return int.from_bytes(b[8:16], "big"), b[16:32], b[32]


class Clock:
    """This end's clock beside the other end's, by clock echoes."""

    def __init__(self) -> None:
        self._sent: dict[int, int] = {}
        self._answered, self._heard, self.rtt = -5 * SECOND, (0, 0), 0  # rtt is smoothed, 0 if unknown
        self.best: tuple[int, int, int] | None = None  # the shortest round trip of the last 10 s, offset, and when

    def echo(self, now: int) -> Echo:
        self._sent[now & STAMP] = now
        if len(self._sent) > 1024:
            del self._sent[next(iter(self._sent))]
        return Echo(now & STAMP, self._heard[0], max(1, min(now - self._heard[1], 0xFFFFFFFF)) if self._heard[1] else 0)

    def echoes(self, e: Echo, now: int) -> bool:
        """Whether e echoes what this end has sent in the last 5 s. A stranger does not know when that was."""
        right = e.held > 0 and now - self._sent.get(e.echo, 0) <= 5 * SECOND
        self._answered = now if right else self._answered
        return right

    def forged(self, e: Echo, now: int) -> bool:
        return not self.echoes(e, now) and now - self._answered < 5 * SECOND

    def hear(self, e: Echo, now: int) -> None:
        self._heard, rtt = (e.sent, now), now - near(e.echo, now) - e.held
        if e.held and 0 <= rtt <= 10 * SECOND:
            self.rtt = max(1, self.rtt + (rtt - self.rtt) // 8 if self.rtt else rtt)
            if self.best is None or rtt <= self.best[0] or now - self.best[2] > 10 * SECOND:
                self.best = (rtt, near(e.sent, now) + rtt // 2 - now, now)
