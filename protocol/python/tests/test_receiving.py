"""The receiver's rules in simulated time: losses, disorder, duplicates, silence, and what strangers send."""
import os
import resource
import time

import pytest
from conftest import START, picked, picture

from udpcam import seal, wire
from udpcam.assembler import MAX_MEMORY, MAX_STREAMS, MS, Assembler
from udpcam.repair import crc32c, encode, rebuild
from udpcam.sender import Outgoing, Splitter

CAMERA, STRANGER = ("192.168.1.5", 40000), ("10.0.0.9", 666)
KEY = seal.Key(bytes(range(1, 33)))


class World:
    """A sender, a receiver, and a network that loses, delays and doubles datagrams. No time passes but its own."""

    def __init__(self, seed=1, loss=0.0, disorder=0, double=0.0, key=None, delay=4 * MS):
        self.random, self.loss, self.disorder, self.double, self.delay = picked(seed), loss, disorder, double, delay
        self.now, self.flying, self.frames, self.sent = START, [], [], {}
        self.assembler, self.splitter, self.ring, self.budget = Assembler(key), Splitter(7, 0, key), {}, 0
        self.key, self.next, self.reports = key, 0, 0

    def fly(self, b, forward):
        copies = 0 if self.random.random() < self.loss else 2 if self.random.random() < self.double else 1
        for _ in range(copies):
            self.flying.append((self.now + self.delay + self.random.randint(0, self.disorder), len(self.flying), b, forward))

    def announce(self):
        self.fly(self.splitter.announce("door", 30000, max(0, self.next - 1), self.now), True)

    def send(self, data, parity=0):
        lay = wire.layout_for(len(data), 1408)
        o = Outgoing(self.next, data, lay, parity, self.now, 0 if self.key else crc32c(data))
        self.ring[self.next] = self.sent[self.next] = o
        self.next += 1
        for b in self.splitter.data(o, range(lay.segments)) + self.splitter.parity(o):
            self.fly(b, True)

    def run(self, micros):
        end = self.now + micros
        while True:
            wake = self.assembler.expire(self.now)
            for b, to in self.assembler.feedback:
                if to == CAMERA:
                    self.fly(b, False)
            self.assembler.feedback.clear()
            self.frames += self.assembler.ready
            self.assembler.ready.clear()
            self.flying.sort()
            self.now = max(self.now, min([end, wake] + [f[0] for f in self.flying[:1]]))
            if self.now >= end:
                return
            while self.flying and self.flying[0][0] <= self.now:
                _, _, b, forward = self.flying.pop(0)
                if forward:
                    self.assembler.add(b, CAMERA, self.now)
                else:
                    self.hear(b)

    def hear(self, b):
        try:
            trains, request = self.splitter.hear(b, self.now)
        except wire.MALFORMED:
            return
        if request and request.frame in self.ring:
            for answer in self.splitter.answer(self.ring[request.frame], request, 99):
                self.fly(answer, True)
        self.reports += trains is not None
        if trains is not None:
            self.announce()

    def begin(self):
        for _ in range(4):
            self.announce()
            self.run(100 * MS)
        return self

    def film(self, frames, size=80_000, parity=0, every=33 * MS):
        for _ in range(frames):
            self.send(picture(size, self.next), parity)
            self.run(every)
        self.run(500 * MS)
        return self

    def check(self, at_least=None):
        ids = [f.id for f in self.frames]
        assert ids == sorted(set(ids)), "frames go backwards, or come twice"
        assert all(f.jpeg == self.sent[f.id].data for f in self.frames)
        assert len(ids) >= (len(self.sent) if at_least is None else at_least), self.assembler.stats


@pytest.mark.parametrize("key", [None, KEY], ids=["open", "sealed"])
@pytest.mark.parametrize("parity", [0, 6])
@pytest.mark.parametrize("loss", [0, 0.08])
def test_every_frame_comes(loss, parity, key):
    w = World(loss=loss, key=key).begin().film(40, parity=parity)
    w.check(at_least=39 if loss else 40)  # of a stream's first frame nothing is asked for, if its beginning is lost
    stats = w.assembler.stats
    if loss:
        assert stats["frames by parity"] + stats["frames by request"] > 0
        assert abs(stats["datagrams lost"] / stats["datagrams expected"] - loss) < 0.03
    if not loss and not parity:
        assert stats["requests"] == 0 and stats["datagrams lost"] == 0
    assert {f.name for f in w.frames} == {"door"} and w.reports > 10


def test_disorder_and_duplicates():
    w = World(loss=0.02, disorder=3 * MS, double=0.2).begin().film(60, parity=3)
    w.check()
    assert w.assembler.stats["requests"] < 200


def test_left_out_frames():
    """Nobody waits for frames that a Skip names. If something of one comes all the same, the rest is asked for."""
    w = World().begin().film(3)
    w.next += 2
    w.fly(wire.prefix(wire.SKIP, 7) + (3).to_bytes(4, "big") + (4).to_bytes(4, "big"), True)
    w.film(3)
    assert [f.id for f in w.frames] == [0, 1, 2, 5, 6, 7] and w.assembler.stats["requests"] == 0
    w.fly(wire.prefix(wire.SKIP, 7) + (8).to_bytes(4, "big") * 2, True)
    w.run(10 * MS)
    w.send(picture(20_000))
    w.flying.remove(next(f for f in w.flying if f[2][2] & 15 == wire.DATA))
    w.film(2)
    assert [f.id for f in w.frames][-3:] == [8, 9, 10] and w.assembler.stats["requests"] > 0


def test_a_slow_path_keeps_order():
    World(loss=0.05, delay=60 * MS).begin().film(60, parity=8).check(at_least=55)


def test_silence_is_not_loss():
    """A link that pauses in the middle of a frame costs a request at most; nothing is lost."""
    w = World().begin()
    w.send(picture(80_000))
    held = [f for f in w.flying if f[1] % 2]
    w.flying = [f for f in w.flying if not f[1] % 2]
    w.run(30 * MS)
    w.flying += [(w.now, *f[1:]) for f in held]
    w.run(100 * MS)
    w.check()


def test_the_clock():
    """Round trip and age come from echoes, also if the sender's clock is 3 s ahead."""
    w = World().begin().film(20)
    assert 0 < w.frames[-1].age < 0.05
    best = next(iter(w.assembler.streams.values())).clock.best
    assert abs(best[0] - 8 * MS) <= 2 and abs(best[1]) <= 2


def test_a_clock_that_is_set_back():
    w = World().begin().film(5)
    w.now -= 3600 * wire.SECOND
    w.flying.clear()
    w.begin().film(5)
    assert [f.id for f in w.frames][-5:] == [5, 6, 7, 8, 9]


def test_a_restarted_sender_keeps_its_name():
    w = World().begin().film(5)
    w.splitter, w.next, w.sent, w.frames = Splitter(8), 0, {}, []
    w.begin().film(5)
    assert {f.name for f in w.frames} == {"door"} and len(w.frames) == 5


def test_two_cameras_of_one_name():
    a = Assembler()
    for turn in range(30):
        for session, source in ((1, ("10.0.0.1", 5000)), (2, ("10.0.0.2", 5000))):
            s, data, now = Splitter(session), picture(500), START + turn * 33 * MS
            o = Outgoing(turn, data, wire.layout_for(500, 1408), 0, now, crc32c(data))
            for b in [s.announce("door", 0, turn, now)] + s.data(o, [0]):
                a.add(b, source, now)
    assert {f.name for f in a.ready[-2:]} == {"door", "door@10.0.0.2"}


def test_a_recording_is_not_shown():
    """Somebody plays a whole sealed session again, to a receiver that was not there."""
    w = World(key=KEY).begin()
    recorded, fly = [], w.fly
    w.fly = lambda b, forward: (recorded.append((w.now, b)) if forward else None, fly(b, forward))
    w.film(30)
    assert len(w.frames) == 30
    victim = Assembler(KEY)
    for now, b in recorded:
        victim.add(b, CAMERA, now)
        victim.expire(now)
    assert not victim.ready and victim.feedback, "it asks for an echo, and shows nothing"


def test_a_changed_datagram():
    w, random = World(key=KEY).begin(), picked(3)
    fly = w.fly

    def change(b, forward):
        fly(b, forward)
        spoiled = bytearray(b)
        spoiled[random.randrange(len(b))] ^= 1 << random.randrange(8)
        fly(bytes(spoiled), forward)
    w.fly = change
    w.film(30)
    w.check()
    assert w.assembler.stats["refused wrong-key"] > 100


def test_random_bytes_are_harmless():
    w, random = World().begin().film(3), picked(4)
    good = [b for b in w.splitter.data(w.sent[0], range(8))] + [w.splitter.announce("x", 1, 1, w.now)]
    before = dict(w.assembler.streams)
    for i in range(20_000):
        b = bytearray(random.choice(good)) if i % 2 else bytearray(os.urandom(random.randrange(80)))
        for _ in range(random.randrange(1, 4)):
            if b:
                b[random.randrange(min(len(b), 40))] = random.randrange(256)
        w.assembler.add(bytes(b[:random.randrange(len(b) + 1)] if i % 3 == 0 else b), STRANGER, w.now)
    assert before.items() <= w.assembler.streams.items()
    w.assembler.feedback.clear()
    w.film(5)
    assert [f.id for f in w.frames if f.source == CAMERA][-5:] == [3, 4, 5, 6, 7]


def flood(sessions, frame):
    """First segments of large frames: each claims 16 MB."""
    lay = wire.layout_for(wire.MAX_FRAME, 1408)
    header = wire.pack_segment(wire.DATA, 0, sessions, 0, 0, frame, lay, 0, START, 1)
    return header + bytes(lay.stride)


def test_a_flood_of_streams_is_bounded():
    """A camera goes on beside 10,000 invented streams, in bounded memory."""
    w = World().begin().film(5)
    begun, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for i in range(10_000):
        w.assembler.add(flood(100 + i, i % 40), STRANGER, w.now + i)
        if i % 1000 == 0:
            w.now += 1000
            w.film(1)
    used, cpu = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, time.process_time() - begun
    assert len(w.assembler.streams) <= MAX_STREAMS and used * 1024 < 2 * MAX_MEMORY, used
    assert len([f for f in w.frames if f.source == CAMERA]) == 15, w.assembler.stats
    assert cpu < 60, "10,000 datagrams cost too much"
    assert len(w.assembler.feedback) < 1000


def test_a_flood_of_frames_is_bounded():
    """One stranger sends parts of ever new frames: at most 32 of them, and 64 MiB in all, are kept."""
    a = Assembler()
    for i in range(2500):
        lay = wire.layout_for(wire.MAX_FRAME, 65_472)
        header = wire.pack_segment(wire.DATA, i % lay.k, i % 50, 0, 0, i // 50, lay, 0, START, 1)
        a.add(header + bytes(lay.stride), STRANGER, START + i)
    assert sum(s.memory() for s in a.streams.values()) <= MAX_MEMORY + 64 * 65_600
    assert all(len(s.frames) <= 34 for s in a.streams.values())


def test_feedback_never_exceeds_what_came():
    """A stranger forges datagrams with a victim's address: the victim gets fewer bytes than the stranger has sent."""
    a, victim, came = Assembler(), ("10.0.0.7", 7), 0
    for i in range(3000):
        b = flood(1, i)[:28] + bytes(wire.layout_for(wire.MAX_FRAME, 1408).stride)
        a.add(b, victim, START + i * MS)
        a.expire(START + i * MS)
        came += len(b)
    assert sum(len(b) for b, _ in a.feedback) < came / 2


def test_a_forged_frame_far_ahead_changes_nothing():
    w = World().begin().film(3)
    data = picture(100)
    for frame in (1000, 2000, 1 << 31):
        o = Outgoing(frame, data, wire.layout_for(100, 1408), 0, w.now, crc32c(data))
        w.assembler.add(w.splitter.data(o, [0])[0], CAMERA, w.now)
    w.film(5)
    w.check()


def test_every_row_repairs():
    """Any losses, any rows: the slow way, one segment at a time, over many sizes."""
    random = picked(9)
    for _ in range(150):
        length = random.randrange(4, 120_000)
        lay, data = wire.layout_for(length, 64 * random.randrange(7, 23)), os.urandom(length)
        for block in range(lay.blocks):
            places = range(block, lay.segments, lay.blocks)
            shards = {i // lay.blocks: data[i * lay.stride:(i + 1) * lay.stride].ljust(lay.stride, b"\0") for i in places}
            missing = sorted(random.sample(sorted(shards), random.randrange(1, min(len(shards), 5) + 1)))
            rows = random.sample(range(256 - lay.k), min(256 - lay.k, len(missing) + 1))
            there = {c: s for c, s in shards.items() if c not in missing}
            there.update({lay.k + j: row for j, row in zip(rows, encode(lay, block, data, rows))})
            if len(rows) >= len(missing):
                assert rebuild(lay.k, lay.stride, there, missing) == [shards[c] for c in missing]


def test_checksum():
    assert crc32c(b"123456789") == 0xE3069283
    for n in range(4, 70):
        crc, data = 0xFFFFFFFF, os.urandom(n)
        for x in data:
            crc ^= x
            for _ in range(8):
                crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        assert crc32c(data) == crc ^ 0xFFFFFFFF


def test_every_length_of_every_datagram():
    """What is cut short is refused, and breaks neither end."""
    from udpcam.subscription import Subscription
    w = World().begin().film(1)
    o, now = w.sent[0], w.now
    echo = wire.Echo(now & wire.STAMP, now & wire.STAMP, 5)
    whole = [w.splitter.announce("door", 0, 0, now), w.splitter.data(o, [0])[0], wire.prefix(wire.SKIP, 7) + bytes(8),
             wire.pack_report(7, 0, echo, 1, 2, 3, [[1] * 8]), wire.pack_request(wire.Request(0, 0, 1, 57, [1]), 7),
             wire.prefix(wire.ANSWER) + bytes(26), wire.pack_subscribe(1, bytes(16), "door")]
    assembler, subscription = Assembler(), Subscription("127.0.0.1", 1, "", None, 2)
    for b in whole:
        for n in range(len(b)):
            assembler.add(b[:n], CAMERA, now)
            for read in (w.splitter.hear, subscription.read):
                with pytest.raises(wire.MALFORMED):
                    read(b[:n], now)
    assert not assembler.ready and assembler.stats["datagrams"] == sum(map(len, whole))
