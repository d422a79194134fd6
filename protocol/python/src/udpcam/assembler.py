"""Datagrams become frames here, and requests and reports are made. No socket, and no clock: now is an argument.

What comes may be hostile. A frame has only the memory of what came of it, all unfinished ones have at most 64 MiB, and there
are at most 256 streams. Those that have delivered least give way. What is refused is counted by reason."""
from __future__ import annotations

import os
from collections import Counter
from typing import Any, Iterator, NamedTuple

from . import seal, wire
from .repair import crc32c, rebuild
from .wire import SECOND, Request, Segment, ahead, check, near

MS = 1000
UNSEEN, COLLECTING, WHOLE, DONE = range(4)  # the states of a frame
MAX_MEMORY, MAX_STREAMS, MAX_PENDING, MAX_GAP, MAX_AHEAD, MAX_ASKS, MAX_EARLY = 64 << 20, 256, 32, 8, 64, 8, 4
REPORT_EVERY, URGENT, SLOW_TRAIN, TAIL_WAIT, MAX_REORDER = 200 * MS, 10 * MS, 2 * MS, 2500, 20 * MS
GUESSED_RTT, MAX_LATENCY, PROVEN = 20 * MS, 150 * MS, 300 * MS
Address = Any  # of a socket: host, port and, for IPv6, more


class Frame(NamedTuple):
    """A picture. captured is the time by the sender's clock, in seconds since the epoch. age is how old the picture was when
    it was whole here, in seconds, None if the sender's clock is not known."""
    jpeg: bytes
    name: str
    id: int
    captured: float
    age: float | None
    source: tuple[str, int]
    sealed: bool


class Incoming:
    """A frame on its way in, or of which datagrams may still come."""

    def __init__(self, frame: int, deadline: int, over: int = 0) -> None:
        self.frame, self.deadline, self.over = frame, deadline, over  # over: when it was clear that sending has ended
        self.state, self.same, self.votes, self.layout = UNSEEN, b"", Counter[bytes](), wire.Layout(0, 0, 0, 0, 0)
        self.asks = self.asked = self.whole_at = self.size = self.left = self.captured = self.crc = 0
        self.helped = self.repaired = self.closed = False
        self.partial = False  # joined in its middle, or left out by the sender: it does not count as lost
        self.shards: list[dict[int, bytes]] = []  # of each block, by number
        self._begin_train()

    def _begin_train(self) -> None:
        self.seen = self.sent = self.first = self.last = self.n = self.x = self.y = self.xx = self.xy = 0

    def accept(self, s: Segment) -> bool:
        """Whether a segment describes this frame. If more describe another one with its ID, the first ones were forged."""
        self.votes[s.same] += 1
        self.size += 128
        if self.state == UNSEEN or self.state == COLLECTING and self.votes[s.same] > self.votes[self.same]:
            self._begin_train()
            self.layout, self.same, self.captured, self.crc, self.state = s.layout, s.same, s.captured, s.crc, COLLECTING
            self.left, self.shards, self.asks = s.layout.blocks, [{} for _ in range(s.layout.blocks)], 0
            self.size = 1024 + 300 * s.layout.blocks + 128 * len(self.votes)
        return s.same == self.same

    def arrive(self, s: Segment, now: int) -> int:
        """Notes when a datagram came, and returns by how much it was late."""
        self.sent, self.first = max(self.sent, s.sent, s.place + 1), self.first or now
        if self.seen >> s.place & 1:
            return 0
        x, y, self.last, self.seen = s.place, now - self.first, now, self.seen | 1 << s.place
        self.n, self.x, self.y, self.xx, self.xy = self.n + 1, self.x + x, self.y + y, self.xx + x * x, self.xy + x * y
        late = now - self.over if self.over else 0
        self.over = now if not self.over and s.place + 1 == self.sent else self.over
        return late

    def train(self) -> list[int]:
        lost, d = ~self.seen & (1 << self.sent) - 1, self.n * self.xx - self.x * self.x
        span = (self.n * self.xy - self.x * self.y) * (self.sent - 1) // d if d else 0  # by the slope of a straight line
        first, total, runs = (bin(x).count("1") for x in (lost & (1 << self.sent // 2) - 1, lost, lost & ~(lost << 1)))
        return [self.frame, self.first, self.n, max(0, self.last - self.first), max(0, span), first, total - first, runs]

    def total(self, block: int) -> int:
        return -((block - self.layout.segments) // self.layout.blocks)

    def place(self, s: Segment) -> str:
        """Returns why a segment is of no use, "" if it is."""
        if self.state >= WHOLE:
            return "spare" if self.whole_at else "late"
        there, total, stride = self.shards[s.block], self.total(s.block), self.layout.stride
        if s.number in there or len(there) >= total:
            return "spare" if s.number >= self.layout.k else "duplicate"
        there[s.number], self.size = s.payload.ljust(stride, b"\0"), self.size + stride + 128
        if len(there) == total:
            missing = [c for c in range(total) if c not in there]
            there.update(zip(missing, rebuild(self.layout.k, stride, there, missing)))
            self.repaired, self.left = self.repaired or bool(missing), self.left - 1
        return ""

    def requests(self) -> Iterator[Request]:
        if self.state == UNSEEN:
            yield Request(self.frame, 0, 0, 0, ())  # all of it
        for block, there in enumerate(self.shards):
            if len(there) < (total := self.total(block)):
                missing = [c for c in range(total) if c not in there]
                yield Request(self.frame, block, total - len(there), self.layout.k, missing)

    def become(self, state: int, jpeg: bytes = b"") -> None:
        self.state, self.shards, self.size = state, [{0: jpeg}], len(jpeg)


class Stream:
    """The frames of one sender, in order."""

    def __init__(self, a: Assembler, session: int, number: int, source: Address, now: int) -> None:
        self.a, self.session, self.number, self.source = a, session, number, source
        self.joined = self.seen = self.wake = self.reported = now
        self.delivered = self.received = self.fed_back = self.counter = self.oldest = self.renames = 0
        self.frames: list[Incoming] = []  # in order; the first few are done
        self.newest = self.handed = self.strays = self.stray = 0
        self.reach = 0  # the newest frame that was handed on, or that the sender has left out
        self.reorder = self.gap = self.unanswered = self.largest = self.late = self.sent = 0
        self.urgent, self.started, self.live = False, False, True  # live: it is no recording
        self.trains: list[list[int]] = []
        self.clock, self.announced = wire.Clock(), None  # type: wire.Clock, wire.Announcement | None
        self.held: Frame | None = None  # the newest frame, until the stream has a name
        self.name = self.wanted = ""  # what it is called, and would like to be
        self.salt, self.segments, self.feedback = b"", None, None  # type: bytes, seal.Aead | None, seal.Aead | None

    def memory(self) -> int:
        return sum(p.size for p in self.frames) + (len(self.held.jpeg) if self.held else 0)

    def add(self, s: Segment, now: int) -> None:
        p = self._frame(s, now)
        check(p.accept(s), "inconsistent")
        over, came = p.over, p.n
        if not s.repair:
            self.gap = self.gap if p.over or not p.n else max(self.gap, min(now - p.last, MAX_REORDER))
            self.reorder = max(self.reorder, min(p.arrive(s, now), MAX_REORDER))
            self.late += p.closed and p.n > came  # it was reported as lost
        why = p.place(s)
        if not why and s.repair:
            p.helped, self.unanswered = True, 0
        if p.state == COLLECTING and not p.left:
            n = p.layout.blocks
            jpeg = b"".join([p.shards[i % n][i // n] for i in range(p.layout.segments)])[:p.layout.length]
            if jpeg[:2] != b"\xff\xd8" or jpeg[-2:] != b"\xff\xd9" or not self.segments and crc32c(jpeg) != p.crc:
                self.drop(p, "not-jpeg" if self.segments or crc32c(jpeg.ljust(4)) == p.crc else "corrupt")
            else:
                p.become(WHOLE, jpeg)
                p.whole_at, self.delivered = now, self.delivered + 1
        if p.whole_at == now or over != p.over or now >= self.wake:
            self.attend(now)
        check(not why, why)

    def _frame(self, s: Segment, now: int) -> Incoming:
        if not self.frames:
            self.newest = self.reach = (s.frame - (1 << 30)) & 0xFFFFFFFF  # older frames may still come
        p, late = self._find(s.frame), ahead(s.frame, self.newest) <= 0
        if p and p.state == UNSEEN:
            p.partial = False  # it may have been left out by a Skip, which does not count then
        if p is None and self.started and not self.segments and (late or ahead(s.frame, self.reach) > MAX_AHEAD):
            # It may be forged. But if several come in order and no others, then the stream goes on here.
            step = ahead(s.frame, self.stray)
            self.strays = self.strays + (step > 0) if self.strays and 0 <= step <= MAX_AHEAD else 1
            self.stray = s.frame
            check(self.strays >= 3 and now - self.handed >= 250 * MS, "late" if late else "stray")
            self._lost(ahead(s.frame, self.newest) - 1)
            self.newest, self.reach, self.frames = (s.frame - 1) & 0xFFFFFFFF, s.frame, []
        elif p is None:
            check(not late, "late")
        if p is None:
            p = Incoming(s.frame, now + self.a.deadline)
            p.partial = not self.started and not self.frames and s.place > 0
            self._insert(p, now)
        return p

    def _find(self, frame: int) -> Incoming | None:
        return next((p for p in reversed(self.frames) if p.frame == frame), None)

    def _insert(self, p: Incoming, now: int) -> None:
        pending = [q for q in self.frames if ahead(q.frame, self.newest) > 0]
        if len(pending) >= MAX_PENDING:
            least = min(pending, key=lambda q: q.size)
            self.drop(least, "superseded")
            self.frames.remove(least)
        gap = ahead(p.frame, self.frames[-1].frame) - 1 if self.frames else 0
        p.over = now if gap < 0 else 0
        for q in self.frames:
            q.over = q.over or (now if ahead(q.frame, p.frame) < 0 else 0)  # the sender has gone on
        if self.started and gap <= min(MAX_GAP, MAX_PENDING - len(pending)):  # nothing came of these, but they were sent
            self.frames += [Incoming((p.frame - i) & 0xFFFFFFFF, now + self.a.deadline, now) for i in range(gap, 0, -1)]
        self.frames = sorted(self.frames + [p], key=lambda q: ahead(q.frame, p.frame))
        self.wake = now

    def drop(self, p: Incoming, why: str) -> None:
        if p.state != DONE and not p.partial:
            self.a.stats["dropped lost" if p.state == UNSEEN else "dropped " + why] += 1
        p.become(DONE)

    def _lost(self, frames: int) -> None:
        self.a.stats["dropped lost"] += frames if 0 < frames < 4096 else 0  # more come from a sender that begins anew

    def attend(self, now: int) -> None:
        """Does what is due, and sets wake to when it must be called again."""
        due, older, lateness, a = [now + REPORT_EVERY], [], self.reorder * 5 // 4, self.a
        latency = min(3 * ((self.clock.best[0] if self.clock.best else GUESSED_RTT) + lateness) + 10 * MS, MAX_LATENCY)
        latency = 0 if self.unanswered >= 4 else latency if a.latency is None else a.latency
        for p in [p for p in self.frames if ahead(p.frame, self.newest) > 0]:
            if p.state <= COLLECTING and now >= p.deadline:
                self.drop(p, "late")
            if p.state != WHOLE:
                older.append(p)
            elif now < p.whole_at + latency and any(q.state <= COLLECTING and not q.partial for q in older):
                due.append(p.whole_at + latency)
                break
            else:
                self._hand_on(p, older, now)
                older = []
        done = [p for p in self.frames if ahead(p.frame, self.newest) <= 0]
        for p in self.frames:
            if p.over and now >= p.over + lateness or 0 < p.n == p.sent or p in done[:-2]:
                self._close_train(p, now)
            if p.state <= COLLECTING:
                due += [p.deadline, self._ask(p, lateness, now)]
        del self.frames[:max(0, len(done) - 2)]
        at = self.reported + (URGENT if self.urgent else REPORT_EVERY)
        if now >= at:
            self.reported, at, echo, age = now, now + REPORT_EVERY, self.clock.echo(now), (now - self.joined) // MS
            report = wire.pack_report(self.session, self.number, echo, self.largest, self.late, age, self.trains)
            if self._send(report, 2):
                self.largest, self.late, self.trains, self.urgent = 0, 0, [], False
        self.wake = min(t for t in [*due, at] if t)

    def _hand_on(self, p: Incoming, older: list[Incoming], now: int) -> None:
        for q in older:
            self.drop(q, "superseded")
        self._lost(ahead(p.frame, self.newest) - 1 - len(older) if self.started else 0)
        self.a.stats["frames by request" if p.helped else "frames by parity"] += p.helped or p.repaired
        self.started, self.newest, self.handed, self.strays = True, p.frame, now, 0
        self.reach, captured = p.frame if ahead(p.frame, self.reach) > 0 else self.reach, near(p.captured, now)
        age = (now - captured + self.clock.best[1]) / SECOND if self.clock.best else None
        self.held = Frame(p.shards[0][0], "", p.frame, captured / SECOND, age, self.source[:2], self.segments is not None)
        p.become(DONE)
        self.a.show(self, now)
        self.reorder, self.gap = self.reorder - self.reorder // 64, self.gap - self.gap // 64

    def skip(self, first: int, last: int, now: int) -> None:
        """The sender leaves out frames, from the first to the last."""
        if not self.started or ahead(last, self.reach) > MAX_AHEAD:
            return
        for i in reversed(range(min(ahead(last, first) + 1, ahead(last, self.newest), MAX_PENDING))):
            p = self._find((last - i) & 0xFFFFFFFF)
            if p is None:
                p = Incoming((last - i) & 0xFFFFFFFF, now + self.a.deadline)
                self._insert(p, now)
            self.a.stats["frames skipped"] += p.state == UNSEEN and not p.partial
            p.partial = p.partial or p.state == UNSEEN
        self.reach = last if ahead(last, self.reach) > 0 else self.reach
        self.attend(now)

    def _close_train(self, p: Incoming, now: int) -> None:
        if p.partial or p.closed:
            return
        p.closed, t, self.sent = True, p.train(), p.sent or self.sent
        self.a.stats["datagrams expected"] += self.sent
        self.a.stats["datagrams lost"] += self.sent - p.n
        self.trains = self.trains[-7:] + [t]
        self.urgent |= p.n < self.sent or t[4] >= SLOW_TRAIN or len(self.trains) == 8 or now - self.joined <= SECOND

    def _ask(self, p: Incoming, lateness: int, now: int) -> int:
        """Asks for what is missing of a frame, if that is due. Returns when to ask again."""
        if p.asks == MAX_ASKS or p.partial:
            return 0
        patience = (self.clock.rtt or GUESSED_RTT) * 5 // 4 + lateness + 2 * MS
        due = p.asked + patience if p.asks else (p.over or p.last + TAIL_WAIT + self.gap) + lateness
        if now < due:
            return due
        p.asks, p.asked, self.unanswered = p.asks + 1, now, self.unanswered + (p.asks > 0)
        for request in p.requests():  # made one by one: a stranger's frame may have many blocks, and few are asked for
            if not self._send(wire.pack_request(request, self.session, self.number), 8):
                break
            self.a.stats["requests"] += 1
        return now + patience

    def _send(self, b: bytes, share: int) -> bool:
        """Sends feedback, if all of it does not exceed one byte for so many that came."""
        size = len(b) + (44 if self.feedback else 0)
        if self.fed_back + size > self.received // (1 if self.feedback and not self.fed_back else share):
            return False
        self.fed_back += size
        self.a.feedback.append((self.a.seal(self.feedback, b) if self.feedback else b, self.source))
        return True


class Assembler:
    """Makes frames of datagrams. After add and expire, take the frames from ready, and what is to be sent from feedback."""

    def __init__(self, key: seal.Key | None = None, latency: int | None = None, deadline: int = SECOND) -> None:
        self.key, self.latency, self.deadline = key, latency, deadline
        self.stats: Counter[str] = Counter()
        self.streams: dict[Any, Stream] = {}
        self.ready: list[Frame] = []
        self.feedback: list[tuple[bytes, Address]] = []
        self._id, self._counter, self._now, self._evicted = os.urandom(16), 0, 0, 0

    def seal(self, cipher: seal.Aead, b: bytes) -> bytes:
        assert self.key
        self._counter += 1
        return seal.seal_control(cipher, seal.Control(self._id, self._counter, self.key.id, 0), b)

    def add(self, b: bytes, source: Address, now: int) -> None:
        """Adds a datagram. If the clock was set back, all streams begin anew."""
        if now < self._now - SECOND:
            self.streams.clear()
        self._now, self.stats["datagrams"] = now, self.stats["datagrams"] + 1
        try:
            self._add(b, source, now)
        except wire.MALFORMED as e:
            self.stats["refused " + wire.reason(e)] += 1
        if self.stats["datagrams"] % 64 == 0:
            while sum(s.memory() for s in self.streams.values()) > MAX_MEMORY:
                weakest = min((s for s in self.streams.values() if s.memory()), key=lambda s: self._rank(s, now))
                weakest.held = None
                weakest.drop(min(weakest.frames, key=lambda p: (not p.size, p.deadline)), "over-limit")

    def _add(self, b: bytes, source: Address, now: int) -> None:
        kind, opened = wire.kind_of(b), b
        check(kind != wire.ANSWER, "unwanted")
        check(bool(b[2] & wire.SEALED) == bool(self.key), "unsealed" if self.key else "sealed")
        key = (b[4:7], b[3], None if self.key else source[:2])
        s = self.streams.get(key)
        if kind & 7 in (wire.DATA, wire.PARITY):
            segment = wire.parse_segment(b)
            check(s is not None or not self.key, "unannounced")
            if s and s.segments:
                check(segment.frame >= s.oldest, "replayed")
                segment = segment._replace(payload=seal.open_segment(s.segments, b))
            s = self._heard(s, key, b, source, now)
            s.add(segment, now)
            self.show(s, now)
            return
        check(kind in (wire.ANNOUNCEMENT, wire.SKIP), "unknown-type")
        check(kind == wire.ANNOUNCEMENT or s is not None, "unannounced")
        if self.key:
            c = seal.parse_control(b)
            known = s is not None and s.salt == c.origin
            check(s is None or (c.counter > s.counter if known else not s.live or now - s.seen >= 2 * SECOND), "replayed")
            check(c.key_id == self.key.id, "wrong-key")
            opened = seal.open_control(self.key.announcements, b)
            if not known:
                segments = self.key.segments(c.origin, c.suite)
                self.streams.pop(key, None)
                s = self._heard(None, key, b"", source, now)
                s.salt, s.live, s.segments, s.feedback = c.origin, False, segments, self.key.feedback(c.origin)
            assert s
            s.counter = c.counter
        if kind == wire.SKIP:
            first, last = wire.parse_skip(opened)
            self._heard(s, key, b, source, now).skip(first, last, now)
            return
        n = wire.parse_announcement(opened)
        s = self._heard(s, key, b, source, now)
        if s.segments or not s.clock.forged(n.echo, now):
            s.live = s.live or s.clock.echoes(n.echo, now) and n.receiver == self._id
            s.clock.hear(n.echo, now)
        s.oldest = max(s.oldest, n.newest - 128) if s.segments else 0
        if not s.live:
            s.urgent, s.reported = True, 0  # report now, for the next announcement to echo
        elif s.announced and not s.segments and n.name != s.announced.name and s.renames < 3:
            s.renames += 1  # one announcement may be forged, four in a row are believed
        else:
            s.announced, s.renames = n, 0
        s.attend(now)
        self.show(s, now)

    def _heard(self, s: Stream | None, key: Any, b: bytes, source: Address, now: int) -> Stream:
        if s is None:
            if len(self.streams) >= MAX_STREAMS:  # at most a hundred times a second, because it costs much
                check(now - self._evicted >= 10 * MS, "over-limit")
                self._evicted = now
                del self.streams[min(self.streams, key=lambda k: self._rank(self.streams[k], now))]
            s = self.streams[key] = Stream(self, int.from_bytes(key[0], "big"), key[1], source, now)
        s.source, s.seen, s.received, s.largest = source, now, s.received + len(b), max(s.largest, len(b))
        return s

    def _rank(self, s: Stream, now: int) -> tuple[bool, int, int]:
        return now - s.seen < 2 * SECOND, s.delivered, s.received

    def show(self, s: Stream, now: int) -> None:
        """Hands on the frame that a stream holds, if the stream may be shown and has a name, which no two streams share."""
        if s.held is None or not s.live or s.announced is None and now - s.joined < SECOND:
            return
        others, host = [o for o in self.streams.values() if o.name and o is not s], s.source[0].replace("::ffff:", "")
        wanted = s.announced.name if s.announced and s.announced.name else host
        if s.wanted != wanted:
            if not s.segments and now - s.joined < PROVEN and sum(o.seen - o.joined < PROVEN for o in others) >= MAX_EARLY:
                return  # a flood of streams of one picture each
            for name in (wanted, f"{wanted}@{host}", f"{wanted}@{host}:{s.source[1]}"):
                rival = next((o for o in others if o.name == name), None)
                if rival is None or now - rival.seen >= (250 if rival.source[0] == s.source[0] else 500) * MS:
                    break
                if rival.seen - s.joined < PROVEN:
                    return  # it may have ended just before this one began
            if rival:
                rival.name = rival.wanted = ""  # it gets a name again if it goes on
            s.name, s.wanted = name, wanted
        if not s.segments or s.held.id >= s.oldest:  # else it may be a recording of this session
            self.ready.append(s.held._replace(name=s.name))
            self.stats["frames"] += 1
        s.held = None

    def expire(self, now: int) -> int:
        """Does what is due, and returns when to call it again."""
        for key, s in list(self.streams.items()):
            if now - s.seen >= (30 if s.delivered else 2) * SECOND:
                del self.streams[key]
            elif now >= s.wake:
                s.attend(now)
                self.show(s, now)
        return min([s.wake for s in self.streams.values()] or [now + SECOND])
