"""The receiver: a socket, and a thread that reads it."""
from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections import Counter, deque
from typing import Any

from . import seal, wire
from .assembler import MS, Address, Assembler, Frame
from .subscription import Subscription
from .wire import DEFAULT_PORT, SECOND

UDP_SEGMENT, UDP_GRO, SO_TIMESTAMPNS, SO_RCVBUFFORCE, IP_PKTINFO, IPV6_RECVPKTINFO = 103, 104, 35, 33, 8, 49  # of Linux
MAX_WAITING = 64 << 20  # bytes of frames that wait for the caller


def clock() -> int:
    return time.time_ns() // 1000


def parse_address(text: str) -> tuple[str, int]:
    """HOST, HOST:PORT, :PORT or [IPv6]:PORT."""
    host, colon, port = text.rpartition(":")
    if not colon or "]" in port or ":" in host and not host.startswith("["):
        host, port = text, str(DEFAULT_PORT)
    if not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is no address: write HOST:PORT, such as 192.168.1.20:12345")
    return host.strip("[]"), int(port)


def try_option(sock: socket.socket, level: int, option: int, value: int) -> None:
    try:
        sock.setsockopt(level, option, value)
    except OSError:
        pass  # another system, or not allowed


class _Loop(threading.Thread):
    """Reads the socket, so that requests leave while the caller works on a frame. It ends when closed is set."""

    def __init__(self, sock: socket.socket, assembler: Assembler, keep: int) -> None:
        super().__init__(name="udpcam receiver", daemon=True)
        self.sock, self.assembler, self.closed, self.only_subscribed = sock, assembler, False, False
        self.keep, self.frames = keep, deque()  # type: int, deque[Frame]
        self.changed = threading.Condition()
        self.subscriptions: list[Subscription] = []
        self._buffer, self._ways = memoryview(bytearray(1 << 16)), {}  # type: memoryview, dict[Any, Any]

    def run(self) -> None:
        try:
            self._receive()
        finally:
            with self.changed:
                self.closed = True
                self.changed.notify_all()
            self.sock.close()

    def _receive(self) -> None:
        poll, wait, a = select.poll(), 0, self.assembler
        poll.register(self.sock, select.POLLIN)
        while not self.closed:
            now = 0
            if poll.poll(wait):
                try:
                    for _ in range(64):
                        came = self._read()
                        self._send(a.feedback)
                    now = came  # more may wait in the socket: it must not count as lost because it has not been read yet
                except OSError:  # there is no more; or it is what ICMP says of a datagram that was sent
                    pass
            now = now or clock()
            due = min([a.expire(now)] + [s.attend(a, now) for s in self.subscriptions])
            self._send(a.feedback)
            if a.ready:
                with self.changed:
                    self.frames += a.ready
                    while len(self.frames) > 1 and (len(self.frames) > self.keep or
                                                    sum(len(f.jpeg) for f in self.frames) > MAX_WAITING):
                        self.frames.popleft()
                        a.stats["frames unread"] += 1
                    self.changed.notify_all()
                a.ready.clear()
            wait = max(0, min(100, -(-(due - now) // MS)))
        self._send([(b, s.address) for s in self.subscriptions for b in s.farewells()])

    def _read(self) -> int:
        """Reads what came next, and returns when it came."""
        n, notes, _, source = self.sock.recvmsg_into([self._buffer], 256)
        now = clock()
        size, at = n, now
        for level, kind, data in notes:
            if (level, kind) == (socket.IPPROTO_UDP, UDP_GRO):
                size = struct.unpack_from("i", data)[0] or n
            elif (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanos = struct.unpack("ll", data)
                came = seconds * SECOND + nanos // 1000
                at = came if 0 < now - came < 10 * SECOND else now
            elif source not in self._ways or self._ways[source][2] != data:  # to which address of this machine it was sent
                self._ways = self._ways if len(self._ways) < 512 else {}
                self._ways[source] = (level, kind, data)
        for start in range(0, max(n, 1), size or 1):
            b = bytes(self._buffer[start:min(start + size, n)])
            asked = [s for s in self.subscriptions if s.address[:2] == source[:2]]
            if len(b) > 8 and b[1] == wire.MAGIC and b[2] & 0x7F == wire.VERSION | wire.ANSWER and asked:
                try:
                    asked[0].read(b, at)
                except wire.MALFORMED as e:
                    self.assembler.stats["refused " + wire.reason(e)] += 1
            elif asked or not self.only_subscribed:
                self.assembler.add(b, source, at)
            else:
                self.assembler.stats["refused unwanted"] += 1
        return at

    def _send(self, datagrams: list[tuple[bytes, Address]]) -> None:
        for b, to in datagrams:
            level, kind, data = self._ways.get(to, (0, 0, b""))
            if len(data) == 12:  # it leaves from the address that the other end knows, through any interface
                data = bytes(4) + data[4:8] + bytes(4)
            try:
                self.sock.sendmsg([b], [(level, kind, data)] if data else [], 0, to)
            except OSError:
                pass  # the network is down, or busy: it is sent again
        datagrams.clear()


class Receiver:
    """Receives what is sent to [ADDR]:PORT of this machine. Iterate over it to get frames, each the moment that it is whole,
    and in order. The caller may take its time: a thread receives meanwhile. At most keep frames wait then; the oldest give
    way. Close it, or use it in a with statement.

    key is a key as text, or a file that has one. latency is how long a whole frame may wait for an older one, in seconds,
    None for about three round trips. deadline is after how many seconds an unfinished frame is given up."""

    def __init__(self, address: str = ":12345", *, key: str | None = None, latency: float | None = None,
                 deadline: float = 1.0, keep: int = 8) -> None:
        host, port = parse_address(address)
        self._key = seal.parse_key(key) if key is not None else None
        sock = _bound(host, port)
        for level, option, value in [
                (socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20), (socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20),
                (socket.SOL_SOCKET, SO_TIMESTAMPNS, 1), (socket.IPPROTO_UDP, UDP_GRO, 1),
                (socket.IPPROTO_IP, IP_PKTINFO, 1) if sock.family == socket.AF_INET else
                (socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)]:
            try_option(sock, level, option, value)
        micros = None if latency is None else int(latency * SECOND)
        self._loop = _Loop(sock, Assembler(self._key, micros, int(deadline * SECOND)), keep)
        self.port: int = sock.getsockname()[1]
        self._loop.start()

    def subscribe(self, where: str, name: str = "") -> None:
        """Also receives from a sender that listens at HOST[:PORT]: its stream of that name, or all."""
        self._loop.subscriptions.append(Subscription(*parse_address(where), name, self._key, self._loop.sock.family))

    def read(self, timeout: float | None = None) -> Frame | None:
        """The next frame, None if none has come in that many seconds, or the receiver is closed."""
        loop = self._loop
        with loop.changed:
            loop.changed.wait_for(lambda: loop.frames or loop.closed, timeout)
            return loop.frames.popleft() if loop.frames else None

    def __iter__(self) -> Receiver:
        return self

    def __next__(self) -> Frame:
        if (frame := self.read()) is None:
            raise StopIteration
        return frame

    @property
    def stats(self) -> Counter[str]:
        """What was counted so far."""
        return self._loop.assembler.stats.copy()

    def close(self) -> None:
        self._loop.closed = True
        self._loop.join()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_loop"):
            self._loop.closed = True


receive = Receiver


def subscribe(where: str, name: str = "", **options: Any) -> Receiver:
    """Receives only from a sender that listens at HOST[:PORT]: its stream of that name, or all. Receiver has the options."""
    receiver = Receiver(":0", **options)
    receiver._loop.only_subscribed = True
    receiver.subscribe(where, name)
    return receiver


def _bound(host: str, port: int) -> socket.socket:
    """A socket for IPv6 and IPv4 if there is no host, as far as the system has both."""
    try:
        sock = socket.socket(socket.AF_INET6 if not host or ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(bool(host)))
        sock.bind((host, port))
    except OSError:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((host, port))
    sock.setblocking(False)
    return sock
