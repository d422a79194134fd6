#!/usr/bin/env python3
"""Writes the vectors of a folder as lines of words, for test.c: text as hexadecimal, and - for what is missing or empty."""

import base64
import ipaddress
import json
import sys


def text(s):
    return s.encode().hex() or "-"


def key(k):
    return base64.b64decode(k).hex() if k else "-"


def addr(a):
    host, port = a.rsplit(":", 1)
    ip = ipaddress.ip_address(host.strip("[]"))
    if ip.version == 4:
        ip = ipaddress.ip_address("::ffff:" + host)
    return [ip.packed.hex(), port]


def out(*words):
    print(*(w if w != "" else "-" for w in words))


def load(name):
    with open(sys.argv[1] + "/" + name + ".json", encoding="utf-8") as f:
        return json.load(f)


for v in load("vectors"):
    head = [text(v["name"]), v["session"], v["stream"]]
    if f := v.get("frame"):
        out("frame", *head, v.get("parity", 0), v["segment_size"], f["id"], f["captured_us"], f["length"],
            len(v["segments"]))
        for s in v["segments"]:
            out("segment", s["header"], s["offset"], s["length"], s.get("parity", ""))
    elif a := v.get("announcement"):
        out("announcement", *head, text(a["name"]), a["width"], a["height"], a["milli_fps"],
            len(a.get("relays") or []), v["datagram"])
    elif r := v.get("report"):
        out("report", *head, r["sent_us"], r["echo_us"], r["held_us"], r["largest"], r["late"], r["age_ms"],
            len(r["trains"] or []), v["datagram"])
    elif r := v.get("request"):
        out("request", *head, r["frame_id"], r["block"], r["need"], r["data"], v["datagram"],
            ",".join(map(str, r["missing"] or [])))
    elif s := v.get("skip"):
        out("skip", *head, s["first"], s["last"], v["datagram"])
    elif s := v.get("subscribe"):
        out("subscribe", *head, s["number"], s["cookie"], int(s.get("farewell", False)), text(s["name"]), v["datagram"])
    elif a := v.get("answer"):
        out("answer", *head, a["number"], a["cookie"], a["status"], v["datagram"])
    else:
        sys.exit("a vector of an unknown kind: " + v["name"])

for suite, name in (1, "chacha20-poly1305"), (2, "aes-256-gcm"):
    v = load("sealed-" + name)
    out("keys", suite, key(v["key"]), v["key_id"], v["salt"], v["receiver"], v["counter"])
    for d in v["datagrams"]:
        out("sealed", text(d["name"]), d["open"], d["sealed"])

for name in "refused", "accepted":
    for s in load(name):
        e = s.get("sender") or {}
        out("script", text(s["name"]), s["reader"], key(s.get("key")), s.get("receiver", ""), e.get("session", 0),
            e.get("stream", 0), e.get("salt", ""), s.get("number", ""), len(s["steps"]), *e.get("announced_us", []))
        for t in s["steps"]:
            came = [*addr(t["from"]), t["datagram"]] if "datagram" in t else ["nothing", 0, ""]
            shown = [w for f in t.get("shown", []) for w in (text(f["stream"]), f["id"], f["length"])]
            out("step", t["at_us"], *came, t.get("refused", ""), t.get("dropped", ""), t.get("answer", ""),
                len(shown) // 3, *shown)

for v in load("exchange"):
    out("exchange", text(v["name"]), key(v.get("key")), v.get("salt", ""), v.get("receiver", ""), len(v["messages"]))
    for m in v["messages"]:
        out("message", text(m["what"]), m["by"], m["sent_us"], m["came_us"],
            m.get("sealed") or m["open"], m["open"], m.get("shown", 0), m.get("round_trip_us", 0), m.get("ahead_us", 0))
