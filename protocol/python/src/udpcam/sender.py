"""The sender: frames become datagrams, with parity, and a thread answers what receivers ask for."""
from __future__ import annotations

import errno
import math
import os
import select
import socket
import struct
import threading
import time
from collections import Counter
from typing import Sequence

from . import seal, wire
from .receiver import UDP_SEGMENT, clock, parse_address, try_option
from .repair import crc32c, encode
from .wire import DATA, PARITY, REPAIR, SECOND, check

RING_FRAMES, RING_BYTES, MAX_ANSWER, MAX_RECEIVERS = 128, 16 << 20, 96 << 10, 2048


class Outgoing:
    """A frame that is sent: its bytes, and how many rows of parity of each block have left."""

    def __init__(self, frame: int, data: bytes, lay: wire.Layout, parity: int, captured: int, crc: int) -> None:
        self.frame, self.data, self.layout, self.parity, self.captured, self.crc = frame, data, lay, parity, captured, crc
        self.rows = [parity] * lay.blocks


class Splitter:
    """Makes the datagrams of one session. No socket, and no clock of its own."""

    def __init__(self, session: int, stream: int = 0, key: seal.Key | None = None, salt: bytes = b"",
                 suite: int = seal.CHACHA) -> None:  # AES would save 0.6 us of the 20 that a datagram takes here
        self.session, self.stream, self.key, self._counter, self.clock = session, stream, key, 0, wire.Clock()
        self._salt, self._suite, self._peer = salt or os.urandom(16), suite, bytes(16)
        self._segments = key.segments(self._salt, self._suite) if key else None
        self._feedback = key.feedback(self._salt) if key else None
        self._receivers: dict[bytes, tuple[int, int]] = {}  # their counters, and when they were heard

    def _pack(self, o: Outgoing, kind: int, block: int, number: int, payload: bytes) -> bytes:
        kind |= wire.SEALED if self.key else 0
        header = wire.pack_segment(kind, number, self.session, self.stream, block, o.frame, o.layout, o.parity, o.captured,
                                   o.crc)
        return seal.seal_segment(self._segments, header, payload) if self._segments else header + payload

    def data(self, o: Outgoing, places: Sequence[int], kind: int = DATA) -> list[bytes]:
        n, stride = o.layout.blocks, o.layout.stride
        return [self._pack(o, kind, i % n, i // n, o.data[i * stride:(i + 1) * stride]) for i in places]

    def parity(self, o: Outgoing) -> list[bytes]:
        rows = [encode(o.layout, block, o.data, range(o.parity)) for block in range(o.layout.blocks)]
        order = [(j, block) for j in range(o.parity) for block in range(o.layout.blocks)]
        return [self._pack(o, PARITY, block, o.layout.k + j, rows[block][j]) for j, block in order]

    def answer(self, o: Outgoing, r: wire.Request, limit: int) -> list[bytes]:
        """At most limit datagrams that answer a request: rows of parity that nobody has, then the data that is named."""
        lay = o.layout
        if r.k == 0:
            return self.data(o, range(min(limit, lay.segments)), DATA | REPAIR)
        if r.k != lay.k or r.block >= lay.blocks:
            return []
        first, need = o.rows[r.block], min(r.need, limit)
        o.rows[r.block] = last = min(first + need, 256 - lay.k)
        made = zip(range(first, last), encode(lay, r.block, o.data, range(first, last)))
        out = [self._pack(o, PARITY | REPAIR, r.block, lay.k + j, row) for j, row in made]
        places = [c * lay.blocks + r.block for c in r.missing]
        return out + self.data(o, [i for i in places if i < lay.segments][:need - len(out)], DATA | REPAIR)

    def announce(self, name: str, milli_fps: int, newest: int, now: int) -> bytes:
        a = wire.Announcement(name, 0, 0, milli_fps, newest, self.clock.echo(now), self._peer if self.key else b"")
        b = wire.pack_announcement(a, self.session, self.stream)
        if not self.key:
            return b
        self._counter += 1
        control = seal.Control(self._salt, self._counter, self.key.id, self._suite)
        return seal.seal_control(self.key.announcements, control, b)

    def hear(self, b: bytes, now: int) -> tuple[list[wire.Train] | None, wire.Request | None]:
        """Reads a report or a request. Raises one of wire.MALFORMED if it is not to be believed."""
        kind, sealed = wire.kind_of(b), bool(b[2] & wire.SEALED)
        check(kind in (wire.REPORT, wire.REQUEST), "unknown-type")
        check(b[3:7] == bytes([self.stream]) + self.session.to_bytes(3, "big"), "other-session")
        check(sealed == bool(self.key), "wrong-key" if sealed else "unsealed")
        c = seal.parse_control(b) if sealed else seal.Control(bytes(16), 0, 0)
        known = c.origin in self._receivers
        if self._feedback:
            check(not known or c.counter > self._receivers[c.origin][0], "replayed")
            b = seal.open_control(self._feedback, b)
        request = wire.parse_request(b) if kind == wire.REQUEST else None
        echo, trains = wire.parse_report(b) if kind == wire.REPORT else (None, None)
        if echo and not (sealed and known):
            check(self.clock.echoes(echo, now), "replayed" if sealed else "unproven")
        if sealed:
            check(known or request is None, "replayed")
            self._receivers = {o: r for o, r in self._receivers.items() if now - r[1] < 5 * SECOND}
            check(len(self._receivers) < MAX_RECEIVERS, "replayed")
            self._receivers[c.origin] = (c.counter, now)
        if echo:
            self.clock.hear(echo, now)
            self._peer = c.origin
        return trains, request


class Sender:
    """Sends JPEGs to HOST[:PORT]. Close it, or use it in a with statement.

    name is the stream's name, key a key as text or a file that has one. parity is how much parity is sent, in percent of the
    data; None follows the losses that receivers report. With fps, send waits so that no more frames leave a second. segment
    is the most bytes of a frame in a datagram.

    A thread answers requests: an answer is of use for some round trips, and the next send may be later than that.
    """

    def __init__(self, to: str, *, name: str = "", key: str | None = None, parity: float | None = None, fps: float = 0,
                 segment: int = 1408) -> None:
        if not 448 <= segment <= 65472 or parity is not None and not 0 <= parity <= 300:
            raise ValueError("segment may be 448 to 65472 bytes, and parity 0 to 300 percent")
        self._key, self._name, self._parity = seal.parse_key(key) if key is not None else None, name, parity
        self._fps, self._segment = fps, segment // 64 * 64
        host, port = parse_address(to)
        family, _, _, _, address = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0]
        self._sock = socket.socket(family, socket.SOCK_DGRAM)
        try_option(self._sock, socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        self._sock.connect(address)
        self._lock, self._gso, self._closed = threading.Lock(), True, False
        self._ring: dict[int, Outgoing] = {}
        self._allowance, self._loss, self._last, self._due = 0.0, 0.0, 0, 0
        self.stats: Counter[str] = Counter()
        self._begin()
        self._thread = threading.Thread(target=self._listen, name="udpcam sender", daemon=True)
        self._thread.start()

    def _begin(self) -> None:
        self._splitter = Splitter(int.from_bytes(os.urandom(3), "big"), 0, self._key)
        self._next, self._announced, self._announcements = 0, 0, 0

    def send(self, picture: bytes) -> None:
        """Sends a JPEG. When it returns, the system has all of it. What the network loses is no error."""
        picture = bytes(picture)
        if len(picture) < 4 or picture[:2] != b"\xff\xd8" or picture[-2:] != b"\xff\xd9":
            raise ValueError("the frame is not a JPEG: it does not begin with FF D8, or does not end with FF D9")
        lay = wire.layout_for(len(picture), self._segment)
        if self._fps:
            now = clock()
            if 0 < self._due - now < SECOND + SECOND / self._fps:
                time.sleep((self._due - now) / SECOND)
            self._due = max(self._due, clock() - 100_000) + int(SECOND / self._fps)
        with self._lock:
            if self._next == 0xFFFFFFFF:
                self._begin()  # no frame ID comes twice in a sealed session
            now = clock()
            parity = math.ceil(lay.k * self._parity / 100) if self._parity is not None else self._rows(lay.k)
            o = Outgoing(self._next, picture, lay, min(parity, 256 - lay.k), now, 0 if self._key else crc32c(picture))
            self._next += 1
            if self._announcements < 10 or not 0 <= now - self._announced < 250_000:
                self._announce(now)
            sent = self._transmit(self._splitter.data(o, range(lay.segments)))
            sent += self._transmit(self._splitter.parity(o))
            self._allowance = min(self._allowance + sent / 2, max(sent, 131_014))
            self._ring[o.frame], self._last = o, now
            for q in list(self._ring.values())[:-1]:
                if len(self._ring) <= RING_FRAMES and sum(len(r.data) for r in self._ring.values()) <= RING_BYTES:
                    break
                del self._ring[q.frame]
            self.stats["frames"] += 1

    def _rows(self, k: int) -> int:
        lost = k * self._loss  # segments of each block; twice the standard deviation is added
        return min(math.ceil(lost + 2 * math.sqrt(lost)), k // 2) if self._loss > 0.002 else 0

    def _announce(self, now: int) -> None:
        self._announced, self._announcements = now, self._announcements + 1
        newest = max(0, self._next - 1)
        self._transmit([self._splitter.announce(self._name, int(self._fps * 1000), newest, now)])

    def _transmit(self, datagrams: list[bytes]) -> int:
        """Sends datagrams, many of one size in a system call where UDP_SEGMENT is to be had. Returns how many bytes."""
        at = 0
        while at < len(datagrams):
            size, end = len(datagrams[at]), at + 1
            while self._gso and end < len(datagrams) and end - at < min(64, 65_000 // size) and len(datagrams[end]) == size:
                end += 1
            try:
                segment = [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("H", size))] if end - at > 1 else []
                self._sock.sendmsg(datagrams[at:end], segment)
            except OSError as e:
                if end - at > 1 and e.errno in (errno.EINVAL, errno.EIO, errno.EOPNOTSUPP, errno.EMSGSIZE):
                    self._gso = False
                    continue
                self.stats["datagrams unsent"] += end - at  # nobody listens there, or the network is down
            at = end
        return sum(map(len, datagrams))

    def _listen(self) -> None:
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        while not self._closed:
            try:
                if poll.poll(100):
                    b = self._sock.recv(2048, socket.MSG_DONTWAIT)
                    with self._lock:
                        self._hear(b, clock())
            except wire.MALFORMED:
                self.stats["feedback refused"] += 1
            except OSError:
                time.sleep(0.001)  # nobody listens there, as ICMP says

    def _hear(self, b: bytes, now: int) -> None:
        try:
            trains, request = self._splitter.hear(b, now)
        except wire.MALFORMED:
            if b[2] == wire.VERSION | wire.REPORT and not 0 <= now - self._announced < 20_000:
                self._announce(now)  # a new receiver may have heard no announcement yet
            raise
        if request:
            o = self._ring.get(request.frame)
            if o and 0 <= now - o.captured < SECOND:
                size = o.layout.stride + 28 + wire.TAG * bool(self._key)
                out = self._splitter.answer(o, request, int(min(self._allowance, MAX_ANSWER)) // size)
                self._allowance -= self._transmit(out)
                self.stats["answers"] += len(out)
            return
        for _, _, came, _, _, first, second, _ in trains or []:
            lost = (first + second) / (came + first + second) if came else 1.0
            self._loss += (lost - self._loss) / 16
        if not 0 <= now - self._announced < 150_000:
            self._announce(now)

    def close(self, linger: float = 0.25) -> None:
        """Ends it, once requests for the last frame have had so many seconds to come."""
        time.sleep(max(0.0, min(linger, linger + (self._last - clock()) / SECOND)))
        self._closed = True
        self._thread.join()
        self._sock.close()

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
