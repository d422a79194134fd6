"""A receiver's subscription to the streams of a sender's port: what to send, and when."""
from __future__ import annotations

import os
import socket

from . import seal, wire
from .assembler import MS, Address, Assembler
from .wire import SECOND, check

LIVE = SECOND // 2  # a stream that was silent for longer does not come any more


class Subscription:
    """It never sends more than 2.2 datagrams a second for long, whatever comes."""

    def __init__(self, host: str, port: int, name: str, key: seal.Key | None, family: int) -> None:
        self._host, self._port, self._name, self._key, self._family = host, port, wire.clean_name(name.encode()), key, family
        self._control = seal.Control(os.urandom(16), 0, key.id if key else 0, 0)
        self._number, self._tokens, self._filled, self._moved = int.from_bytes(os.urandom(8), "big"), 8.0, 0, 0
        self._begin(self._resolve()[0])

    def _begin(self, address: Address) -> None:
        self.address, self._cookie, self._answers, self.status = address, bytes(16), (b"", 0), 0
        self._asked = self._next = self._left = self._hurried = self._heard = 0

    def _resolve(self) -> list[Address]:
        flags = socket.AI_V4MAPPED | socket.AI_ALL if self._family == socket.AF_INET6 else 0
        return [a[4] for a in socket.getaddrinfo(self._host, self._port, self._family, socket.SOCK_DGRAM, 0, flags)]

    def read(self, b: bytes, now: int) -> None:
        """Reads an answer. It raises one of wire.MALFORMED if that is not to be believed."""
        check(wire.kind_of(b) == wire.ANSWER, "unknown-type")
        check(bool(b[2] & wire.SEALED) == bool(self._key), "unsealed" if self._key else "wrong-key")
        if self._key:
            c = seal.parse_control(b)
            check(c.key_id == self._key.id, "wrong-key")
            b = seal.open_control(self._key.subscriptions, b)
            check(c.origin != self._answers[0] or c.counter > self._answers[1], "replayed")
            self._answers = (c.origin, c.counter)
        number, cookie, status = wire.parse_answer(b)
        check(number == self._number, "other-session")
        self._cookie, self.status, self._heard = cookie, status, now
        if status:
            self._asked, self._next = 3, now + (2 * SECOND if status == 2 else LIVE)
        elif now - self._hurried >= 200 * MS:
            self._hurried = self._next = now

    def attend(self, a: Assembler, now: int) -> int:
        """Sends what is due by the assembler, and returns when to call it again."""
        if now < self._left:  # the clock was set back
            self._begin(self.address)
        stream = max([s.seen for s in a.streams.values() if s.name and s.source[:2] == self.address[:2] and s.announced
                      and self._name in ("", s.announced.name)] or [0])
        self._heard, comes, due = max(self._heard, stream), now - stream < LIVE, self._next
        if self.status == 1 and comes:  # its reports keep it coming; but others may be added
            due = stream + LIVE if self._name else min(stream + LIVE, self._left + 2 * SECOND)
        self._tokens, self._filled = min(8.0, self._tokens + max(0, now - self._filled) * 2.2e-6), now
        if now < due or self._tokens < 1:
            return max(due, now + 100 * MS if self._tokens < 1 else 0)
        if now - max(self._heard, self._moved) >= 3 * LIVE:
            if self._moved:  # the sender may have another address now
                try:
                    known = self._resolve()
                    self._begin(known[(known.index(self.address) + 1) % len(known) if self.address in known else 0])
                except OSError:
                    pass
            self._moved = now
        wait = 100 * MS << self._asked if self._asked < 3 else LIVE
        if self._asked == 3 and (self.status == 2 or self.status == 0 and comes):
            wait = 2 * SECOND
        self._asked, self._left, self._next, self._tokens = min(3, self._asked + 1), now, now + wait, self._tokens - 1
        a.feedback.append((self._subscribe(), self.address))
        return now + wait

    def farewells(self) -> list[bytes]:
        return [self._subscribe(True), self._subscribe(True)] if any(self._cookie) else []

    def _subscribe(self, farewell: bool = False) -> bytes:
        b = wire.pack_subscribe(self._number, self._cookie, self._name, farewell)
        if not self._key:
            return b
        self._control = self._control._replace(counter=self._control.counter + 1)
        return seal.seal_control(self._key.subscriptions, self._control, b)
