#!/usr/bin/env python3
"""Runs udpcam-send and udpcam-recv of a folder against each other, over loopback: addressed, subscribed, open, sealed."""

import os
import random
import re
import subprocess
import sys
import tempfile
import time

here, COUNT = sys.argv[1], 30
KEY, OTHER = "PjDaaSM/ABAObNpJrC+croLCGVxMH+AH/JrH1cL7CO0=", "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="
draw = random.Random(1)
scan = bytes.fromhex("ffd8ffc0000b0802d0050001011100ffda0008010100003f00")
pictures = b"".join(scan + draw.randbytes(20_000 + 997 * i).replace(b"\xff", b"\xfe") + b"\xff\xd9" for i in range(COUNT))


def port():
    """The next port. The kernel chooses ports of its own above these."""
    port.last += 1
    return f"127.0.0.1:{port.last}"


port.last = 20000 + os.getpid() % 10000


def bound(number):
    """Whether a UDP socket has that port."""
    sockets = [line.split()[1] for name in ("udp", "udp6") for line in open("/proc/net/" + name, encoding="ascii")]
    return any(address.endswith(f":{number:04X}") for address in sockets)


def run(what, send, recv, expected=True):
    receiver = subprocess.Popen([here + "/udpcam-recv", *recv], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, until = b"", time.monotonic() + 20
    try:
        while "--from" not in recv and not bound(port.last) and time.monotonic() < until:
            time.sleep(0.01)
        sender = subprocess.Popen([here + "/udpcam-send", *send], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        if not expected:
            _, err = sender.communicate(pictures, timeout=60)
            receiver.terminate()
        else:
            sender.stdin.write(pictures)
            sender.stdin.close()
        out, said = receiver.communicate(timeout=60)
        sender.wait(timeout=60)
    finally:
        receiver.kill()
        sender.kill()
    if (out == pictures) != expected or (not expected and out) or sender.returncode or receiver.returncode:
        sys.exit(f"{what}: {len(out)} of {len(pictures)} bytes came; {sender.returncode}, {receiver.returncode}; "
                 f"{said.decode()}")
    print(what + ":", said.decode().strip())


with tempfile.TemporaryDirectory() as d:
    key = d + "/door.key"
    with open(key, "w", encoding="ascii") as f:
        f.write("# the door\n\n" + OTHER + "\n" + KEY + "\n")
    count, fps = ["--count", str(COUNT)], ["--fps", "60"]
    p = port()
    run("addressed", [*fps, "--parity", "20", p], [*count, p])
    p = port()
    run("subscribed", [*fps, "--listen", p], [*count, "--from", p])
    p = port()
    run("sealed, key in a file", [*fps, "--key", KEY, p], [*count, "--key", key, p])
    p = port()
    run("subscribed and sealed", [*fps, "--key", KEY, "--listen", p], [*count, "--key", KEY, "--from", p])
    p = port()
    run("another key", [*fps, "--key", KEY, p], ["--key", OTHER, p], expected=False)
for program, arguments, wants in (("send", ["nobody"], "HOST:PORT"), ("recv", ["--key", "x", ":1"], "neither a key"),
                                  ("send", [], "usage"), ("recv", ["--help"], "usage")):
    said = subprocess.run([f"{here}/udpcam-{program}", *arguments], capture_output=True, timeout=20)
    if not re.search(wants, said.stderr.decode() + said.stdout.decode()):
        sys.exit(f"udpcam-{program} {arguments}: {said}")
