"""This package against Go's udpcam, over real sockets: every frame arrives, byte for byte."""
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from conftest import HERE, picked, three_times

import udpcam
from udpcam import jpeg

ROOT = HERE.parents[2]
KEY = "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="
STREET = sorted((ROOT / "protocol/mjpeg/testdata/street").glob("*.jpg"))
FRAMES = 30
ENV = dict(os.environ, PYTHONPATH=str(HERE.parent / "src"))


@pytest.fixture(scope="session")
def go(tmp_path_factory):
    if "UDPCAM" in os.environ:
        return os.environ["UDPCAM"]
    path = tmp_path_factory.mktemp("go") / "udpcam"
    subprocess.run(["go", "build", "-o", path, "./cmd/udpcam"], cwd=ROOT, check=True)
    return str(path)


def film(n=FRAMES):
    """n pictures, all different: a comment behind the SOI marker has a number."""
    made = []
    for i in range(n):
        b = STREET[i % len(STREET)].read_bytes()
        made.append(b[:2] + b"\xff\xfe\x00\x06" + i.to_bytes(4, "big") + b[2:])
    return made


class Path:
    """A way through this machine that loses datagrams, from a port of its own to a receiver's, and back."""

    def __init__(self, to, loss, seed=1):
        self.front, self.back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.front.bind(("127.0.0.1", 0))
        for s in (self.front, self.back):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            s.settimeout(0.05)
        self.back.connect(("127.0.0.1", to))
        self.port, self.sender, self.ended = self.front.getsockname()[1], None, False
        self.lost, self.random, self.loss = 0, picked(seed), loss
        self.threads = [threading.Thread(target=self.run, args=way) for way in ((self.front, True), (self.back, False))]
        for t in self.threads:
            t.start()

    def run(self, s, forward):
        while not self.ended:
            try:
                b, source = s.recvfrom(65536)
            except OSError:
                continue
            if self.random.random() < self.loss:
                self.lost += 1
                continue
            try:
                if forward:
                    self.sender = source
                    self.back.send(b)
                elif self.sender:
                    self.front.sendto(b, self.sender)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended = True
        for t in self.threads:
            t.join()
        self.front.close()
        self.back.close()


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


cases = pytest.mark.parametrize("loss,key", [(0, None), (0.05, None), (0, KEY), (0.05, KEY)],
                                ids=["clean", "loss", "sealed", "sealed-loss"])


@cases
@three_times
def test_go_sends(go, loss, key, tmp_path):
    pictures = film()
    with udpcam.receive("127.0.0.1:0", key=key, keep=99) as receiver, Path(receiver.port, loss) as path:
        send = subprocess.Popen([go, "send", "--addr", f"127.0.0.1:{path.port}", "--source", "-", "--name", "door"]
                                + (["--key", key] if key else []), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        feed = threading.Thread(target=pace, args=(send.stdin, pictures))
        feed.start()
        got = []
        while (frame := receiver.read(5 if not got else 1.5)) and frame.jpeg != pictures[-1]:
            got.append(frame)
        got.append(frame)
        feed.join()
        send.terminate()
        send.wait()
        check([f.jpeg for f in got], pictures, key, receiver.stats)
        assert {f.name for f in got} == {"door"} and {f.sealed for f in got} == {bool(key)}
        assert 0 <= got[-1].age < 5 and (path.lost > 0) == (loss > 0)


def check(got, pictures, key, said):
    """All pictures have come. A sealed stream is shown after a round trip, so its first ones may be missing."""
    assert len(got) >= len(pictures) - (8 if key else 0), said
    sums = [hashlib.sha256(b).hexdigest() for b in pictures[-len(got):]]
    assert [hashlib.sha256(b).hexdigest() for b in got] == sums, said


def pace(out, pictures, every=1 / 30):
    for p in pictures:
        out.write(p)
        out.flush()
        time.sleep(every)
    time.sleep(1)
    out.close()


@cases
@three_times
def test_go_receives(go, loss, key, tmp_path):
    parity = None if key else 10
    port, pictures = free_port(), film()
    film_path = tmp_path / f"film{port}.mjpg"
    keys = ["--key", key] if key else []
    recv = subprocess.Popen([go, "recv", "--addr", f"127.0.0.1:{port}", "--out", str(film_path)] + keys,
                            stderr=subprocess.PIPE, text=True)
    try:
        wait_for(port)
        with Path(port, loss) as path:
            with udpcam.Sender(f"127.0.0.1:{path.port}", name="door", key=key, parity=parity, fps=30) as sender:
                for p in pictures:
                    sender.send(p)
                time.sleep(0.5)
            lost, stats = path.lost, sender.stats
    finally:
        recv.terminate()
        said = recv.communicate()[1]
    with open(film_path, "rb") as f:
        got = list(jpeg.split(f))
    check(got, pictures, key, (said, stats))
    assert (lost > 0) == (loss > 0)


def wait_for(port, seconds=10):
    """Until somebody listens on a UDP port: then the system refuses it to us."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with open("/proc/net/udp") as f:
            if any(line.split()[1].endswith(f":{port:04X}") for line in f.readlines()[1:]):
                return
        time.sleep(0.02)
    raise AssertionError("nobody listens")


@pytest.mark.parametrize("key", [None, KEY], ids=["open", "sealed"])
def test_subscribes_to_go(go, key):
    pictures, port = film(15), free_port()
    send = subprocess.Popen([go, "send", "--listen", f"127.0.0.1:{port}", "--source", "-", "--name", "door", "--hidden"]
                            + (["--key", key] if key else []), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        with udpcam.subscribe(f"127.0.0.1:{port}", "door", key=key) as receiver:
            feed = threading.Thread(target=pace, args=(send.stdin, pictures * 4))
            feed.start()
            got = receiver.read(5)
            assert got and got.jpeg in pictures and got.name == "door", receiver.stats
            feed.join()
    finally:
        send.terminate()
        send.wait()


@pytest.mark.parametrize("key", [None, KEY], ids=["open", "sealed"])
def test_commands(key, tmp_path):
    """python3 -m udpcam send | recv, with a key from a file."""
    pictures, port, out, key_file = film(20), free_port(), tmp_path / "out.mjpg", tmp_path / "door.key"
    key_file.write_text(f"# of the door\n{key}\n")
    keys = ["--key", str(key_file)] if key else []
    run, count = [sys.executable, "-m", "udpcam"], "10" if key else "20"
    recv = subprocess.Popen(run + ["recv", *keys, "--out", str(out), "--count", count, f"127.0.0.1:{port}"], env=ENV,
                            stderr=subprocess.PIPE)
    wait_for(port)
    send = subprocess.run(run + ["send", *keys, "--name", "door", "--fps", "100", "--parity", "20", f"127.0.0.1:{port}"],
                          env=ENV, input=b"".join(pictures), timeout=30)
    assert send.returncode == 0 and recv.wait(10) == 0
    assert b" frames" in recv.stderr.read()
    with open(out, "rb") as f:
        got = list(jpeg.split(f))
    first = pictures.index(got[0])
    assert len(got) == int(count) and got == pictures[first:first + len(got)]


def test_a_signal_ends_recv(tmp_path):
    port = free_port()
    recv = subprocess.Popen([sys.executable, "-m", "udpcam", "recv", "--out", str(tmp_path / "x"), f"127.0.0.1:{port}"],
                            env=ENV, stderr=subprocess.PIPE)
    wait_for(port)
    recv.terminate()
    assert recv.wait(10) == 0
    assert len(recv.stderr.read().splitlines()) == 1
