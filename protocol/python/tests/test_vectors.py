"""All vectors of protocol/testdata: what must be sent, byte for byte, what must be understood, and what must be refused."""
import base64

import pytest
from conftest import START, picture, vectors

from udpcam import seal, wire
from udpcam.assembler import Assembler
from udpcam.sender import Outgoing, Splitter
from udpcam.subscription import Subscription

ALICE = ("192.168.1.5", 40000)
HARMLESS = {"late", "spare", "duplicate"}


def names(file):
    return pytest.mark.parametrize("v", vectors(file), ids=lambda v: v["name"].replace(" ", "_"))


def key_of(text):
    return seal.Key(base64.b64decode(text)) if text else None


def outgoing(v):
    f = v["frame"]
    data = picture(f["length"])
    from udpcam.repair import crc32c
    lay = wire.layout_for(len(data), v["segment_size"] // 64 * 64)
    return Outgoing(f["id"], data, lay, v.get("parity", 0), f["captured_us"], crc32c(data))


def take_all(a, datagrams, now=START, source=ALICE):
    for b in datagrams:
        a.add(b, source, now)
    a.expire(now + wire.SECOND)
    frames, a.ready[:] = a.ready[:], []
    return frames


@names("vectors.json")
def test_vector(v):
    session, stream = v["session"], v["stream"]
    if "frame" in v:
        check_frame(v, session, stream)
        return
    want = bytes.fromhex(v["datagram"])
    if "announcement" in v:
        n = v["announcement"]
        a = wire.parse_announcement(want)
        assert (a.name, a.width, a.height, a.milli_fps) == (n["name"], n["width"], n["height"], n["milli_fps"])
        if "relays" not in n:  # a sender of this package is no relay
            a = wire.Announcement(n["name"], n["width"], n["height"], n["milli_fps"], 0, wire.Echo(a.echo.sent), b"")
            assert wire.pack_announcement(a, session, stream) == want
    elif "report" in v:
        r = v["report"]
        echo = wire.Echo(r["sent_us"] & wire.STAMP, r["echo_us"] & wire.STAMP, r["held_us"])
        trains = [[t["frame_id"], t["first_us"], t["came"], t["took_us"], t["span_us"], t["lost_first"],
                   t["lost_second"], t["runs"]] for t in r["trains"]]
        assert wire.pack_report(session, stream, echo, r["largest"], r["late"], r["age_ms"], trains) == want
        assert wire.parse_report(want) == (echo, [(t[0], t[1] & wire.STAMP, *t[2:]) for t in trains])
    elif "request" in v:
        q = v["request"]
        request = wire.Request(q["frame_id"], q["block"], q["need"], q["data"], q["missing"])
        assert wire.pack_request(request, session, stream) == want and wire.parse_request(want) == request
    elif "skip" in v:
        assert wire.parse_skip(want) == (v["skip"]["first"], v["skip"]["last"])
    elif "subscribe" in v:
        s = v["subscribe"]
        got = wire.pack_subscribe(int(s["number"], 16), bytes.fromhex(s["cookie"]), s["name"], s.get("farewell", False))
        assert got == want
    else:
        s = v["answer"]
        assert wire.parse_answer(want) == (int(s["number"], 16), bytes.fromhex(s["cookie"]), s["status"])


def check_frame(v, session, stream):
    o, splitter = outgoing(v), Splitter(session, stream)
    made = splitter.data(o, range(o.layout.segments)) + splitter.parity(o)
    late = v.get("late_rows", [])
    if late:
        request = wire.Request(o.frame, 0, 256 - o.layout.k - o.parity, o.layout.k, range(o.layout.k))
        answers = splitter.answer(o, request, 999)
        made += [answers[row - o.parity] for row in late]
    want = [bytes.fromhex(s["header"]) + (bytes.fromhex(s["parity"]) if "parity" in s else
                                          o.data[s["offset"]:s["offset"] + s["length"]]) for s in v["segments"]]
    assert made == want
    for left_out in {0, v.get("parity", 0) + len(late)}:  # of the first segments of each block
        kept = [b for b, s in zip(want, v["segments"]) if "parity" in s or wire.parse_segment(b).number >= left_out]
        if o.layout.blocks > 1 or left_out <= o.layout.segments:
            frames = take_all(Assembler(), kept)
            assert [(f.id, f.jpeg) for f in frames] == [(o.frame, o.data)], left_out
            assert int(frames[0].captured * 1e6 + .5) % (1 << 48) == o.captured % (1 << 48)


@pytest.mark.parametrize("file", ["sealed-chacha20-poly1305.json", "sealed-aes-256-gcm.json"])
def test_sealed_vectors(file):
    v = vectors(file)
    key, salt, receiver = key_of(v["key"]), bytes.fromhex(v["salt"]), bytes.fromhex(v["receiver"])
    assert f"{key.id:04x}" == v["key_id"]
    suite = seal.AES if "aes" in file else seal.CHACHA
    counters = {}
    for d in v["datagrams"]:
        opened, sealed = bytes.fromhex(d["open"]), bytes.fromhex(d["sealed"])
        kind = opened[2] & 15
        if kind & 7 in (wire.DATA, wire.PARITY):
            aead = key.segments(salt, suite)
            header = opened[:2] + bytes([opened[2] | wire.SEALED]) + opened[3:24] + bytes(4)
            assert seal.seal_segment(aead, header, opened[28:]) == sealed
            assert seal.open_segment(aead, sealed) == opened[28:]
            with pytest.raises(wire.Refused, match="wrong-key"):
                seal.open_segment(aead, sealed[:-1] + bytes([sealed[-1] ^ 1]))
            continue
        by = receiver if kind in (wire.REPORT, wire.REQUEST, wire.SUBSCRIBE) else salt
        aead = key.announcements if kind in (wire.ANNOUNCEMENT, wire.SKIP) else \
            key.subscriptions if kind in (wire.SUBSCRIBE, wire.ANSWER) else key.feedback(salt)
        if kind == wire.ANNOUNCEMENT:  # the open one has no ID of a receiver
            opened += receiver
        counter = counters[by, kind > wire.REQUEST] = counters.get((by, kind > wire.REQUEST), v["counter"] - 1) + 1
        control = seal.parse_control(sealed)
        assert control.origin == by and control.key_id == key.id
        assert control.suite == (suite if kind in (wire.ANNOUNCEMENT, wire.SKIP) else 0)
        assert seal.open_control(aead, sealed) == opened, d["name"]
        assert seal.seal_control(aead, control, opened) == sealed
        assert control.counter >= v["counter"] and counter


def receiver_of(v):
    a = Assembler(key_of(v.get("key")))
    a._id = bytes.fromhex(v["receiver"]) if "receiver" in v else a._id

    def read(b, source, now):
        before = a.stats.copy()
        a.expire(now)
        if b is not None:
            a.add(b, source, now)
        a.feedback.clear()
        shown, a.ready[:] = a.ready[:], []
        assert all(f.jpeg == picture(len(f.jpeg)) for f in shown)
        grown = [what for what, n in a.stats.items() if n > before[what]]
        refused = [w[len("refused "):] for w in grown if w.startswith("refused ")]
        dropped = [w[len("dropped "):] for w in grown if w.startswith("dropped ")]
        return "".join(refused), "".join(dropped), [{"stream": f.name, "id": f.id, "length": len(f.jpeg)} for f in shown]
    return read


def sender_of(v):
    s = v["sender"]
    salt = bytes.fromhex(s.get("salt", ""))
    splitter = Splitter(s.get("session", 0), s.get("stream", 0), key_of(v.get("key")), salt, seal.CHACHA)
    for at in s["announced_us"]:
        splitter.clock.echo(at)
    return lambda b, source, now: (refusal(splitter.hear, b, now), "", [])


def subscriber_of(v):
    s = Subscription("127.0.0.1", 1, "", key_of(v.get("key")), 2)
    s._number = int(v["number"], 16)
    return lambda b, source, now: (refusal(s.read, b, now), "", [])


def refusal(function, *arguments):
    try:
        function(*arguments)
    except wire.MALFORMED as e:
        return wire.reason(e)
    return ""


READERS = {"receiver": receiver_of, "sender": sender_of, "subscriber": subscriber_of}
# Receivers cannot subscribe at a sender of this package, so it has no port to play their part.
SCRIPTS = [v for file in ("refused.json", "accepted.json") for v in vectors(file) if v["reader"] in READERS]


@pytest.mark.parametrize("v", SCRIPTS, ids=lambda v: v["reader"] + "_" + v["name"].replace(" ", "_"))
def test_script(v):
    read = READERS[v["reader"]](v)
    for i, step in enumerate(v["steps"]):
        host, _, port = step.get("from", "192.168.1.5:40000").rpartition(":")
        b = bytes.fromhex(step["datagram"]) if "datagram" in step else None
        refused, dropped, shown = read(b, (host.strip("[]"), int(port)), step["at_us"])
        want = step.get("refused", "")
        if refused in HARMLESS and want in HARMLESS:
            refused = want
        assert (refused, dropped, shown) == (want, step.get("dropped", ""), step.get("shown", [])), f"step {i}: {v['rule']}"


@names("exchange.json")
def test_exchange(v):
    """Both ends of each conversation understand what the other one says, and the receiver asks for the same segments."""
    key, salt = key_of(v.get("key")), bytes.fromhex(v.get("salt", ""))
    if "subscribing" in v["name"]:
        check_subscribing(v, key)
        return
    a, splitter = Assembler(key), Splitter(0xabcdef, 0, key, salt, seal.AES)
    if key:
        a._id = bytes.fromhex(v["receiver"])
    asked = []
    for m in v["messages"]:
        opened, sent = bytes.fromhex(m["open"]), bytes.fromhex(m["sealed"] if key else m["open"])
        clock = wire.Clock()
        if m["by"] == "sender":
            if m["what"] == "announcement":
                echo = wire.parse_announcement(opened).echo
                splitter.clock.echo(m["sent_us"])
                if m["came_us"]:
                    clock.hear(echo, m["came_us"])
            if m["came_us"]:
                a.expire(m["came_us"])
                a.add(sent, ALICE, m["came_us"])
        else:
            trains, request = splitter.hear(sent, m["came_us"])
            a.expire(m["sent_us"])
            a.expire(m["sent_us"] + 1)
            if request:
                asked.append(request)
                b = next(b for b, _ in reversed(a.feedback) if b[2] & 15 == wire.REQUEST)
                plain = seal.open_control(key.feedback(salt), b) if key else b
                assert wire.parse_request(plain) == request
            else:
                clock.hear(wire.parse_report(opened)[0], m["came_us"])
        if "round_trip_us" in m:
            assert abs(clock.best[0] - m["round_trip_us"]) <= 1 and abs(clock.best[1] - m.get("ahead_us", 0)) <= 1
        shown, a.ready[:] = a.ready[:], []
        assert [f.id for f in shown] == ([m["shown"]] if "shown" in m else [])
    assert asked


def check_subscribing(v, key):
    s = Subscription("127.0.0.1", 1, "front-door", key, 2)
    s._number = int.from_bytes(b"number--", "big")
    a = Assembler(key)
    for m in v["messages"]:
        opened, sent = bytes.fromhex(m["open"]), bytes.fromhex(m["sealed"] if key else m["open"])
        if m["by"] == "sender":
            s.read(sent, m["came_us"])
            continue
        if m["what"] == "farewell":
            b = s.farewells()[0]
        else:
            s.attend(a, m["sent_us"])
            b = a.feedback.pop()[0]
        assert (seal.open_control(key.subscriptions, b) if key else b) == opened
    assert s.status == 1
