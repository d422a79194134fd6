"""The receiver's and the sender's sockets and threads."""
import gc
import socket
import threading
import time

import pytest
from conftest import picture

import udpcam
from udpcam.receiver import parse_address


@pytest.mark.parametrize("text,want", [
    ("pc", ("pc", 12345)), ("pc:5", ("pc", 5)), (":5", ("", 5)), ("[::1]:5", ("::1", 5)), ("[::1]", ("::1", 12345)),
    ("fe80::1", ("fe80::1", 12345)), ("192.168.1.20:12345", ("192.168.1.20", 12345))])
def test_addresses(text, want):
    assert parse_address(text) == want


@pytest.mark.parametrize("text", ["pc:", "pc:70000", "pc:x"])
def test_bad_addresses(text):
    with pytest.raises(ValueError, match="write HOST:PORT"):
        udpcam.receive(text)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "[::1]"])
def test_one_socket_for_both_families(host):
    """Reports leave from the address that the sender knows, also where the machine has several."""
    with udpcam.receive(":0") as receiver, udpcam.Sender(f"{host}:{receiver.port}", name="door") as sender:
        for i in range(20):
            sender.send(picture(5000, i))
            time.sleep(0.02)
        first = receiver.read(5)
        assert first.jpeg == picture(5000, first.id) and first.source[0].replace("::ffff:", "") == (
            "127.0.0.1" if "." in host else "::1")
        deadline = time.monotonic() + 5
        while first.age is None and time.monotonic() < deadline:
            first = receiver.read(1) or first
        assert first.age is not None, "no report has reached the sender"


def test_a_loop_that_is_left_closes_the_socket():
    receiver = udpcam.receive("127.0.0.1:0")
    port, threads = receiver.port, threading.active_count()
    with udpcam.Sender(f"127.0.0.1:{port}") as sender:
        sender.send(picture(300))
        for frame in receiver:
            assert frame.jpeg == picture(300) and frame.name == "127.0.0.1"
            break
    del receiver
    gc.collect()
    deadline = time.monotonic() + 5
    while threading.active_count() >= threads and time.monotonic() < deadline:
        time.sleep(0.01)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", port))


def test_a_slow_caller_gets_the_newest():
    with udpcam.receive("127.0.0.1:0", keep=3) as receiver, \
            udpcam.Sender(f"127.0.0.1:{receiver.port}", name="door") as sender:
        for i in range(30):
            sender.send(picture(3000, i))
            time.sleep(0.005)
        time.sleep(0.3)
        assert [receiver.read(0).id for _ in range(3)] == [27, 28, 29] and receiver.read(0) is None
        assert receiver.stats["frames unread"] == 27


def test_close_ends_a_loop_elsewhere():
    receiver, ended = udpcam.receive("127.0.0.1:0"), []
    thread = threading.Thread(target=lambda: ended.append(list(receiver)))
    thread.start()
    receiver.close()
    thread.join(5)
    assert ended == [[]]


def test_a_sender_without_a_receiver():
    """Nobody listens: the system says so by ICMP, and the sender goes on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with udpcam.Sender(f"127.0.0.1:{port}", name="door") as sender:
        for i in range(5):
            sender.send(picture(80_000, i))
        with udpcam.receive(f"127.0.0.1:{port}") as receiver:
            for i in range(20):
                sender.send(picture(80_000, i))
                time.sleep(0.01)
            assert receiver.read(5).name == "door"


def test_what_is_no_picture():
    with udpcam.Sender("127.0.0.1:9") as sender:
        for bad in (b"", b"\xff\xd8", b"hello", picture(100)[:-1]):
            with pytest.raises(ValueError, match="not a JPEG"):
                sender.send(bad)
        with pytest.raises(ValueError, match="bytes"):
            sender.send(b"\xff\xd8" + bytes(1 << 24) + b"\xff\xd9")


@pytest.mark.parametrize("key", ["", "x" * 44, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                 "correct horse battery staple"])
def test_bad_keys(key):
    from udpcam.seal import parse_key
    for use in (parse_key, lambda k: udpcam.receive(":0", key=k), lambda k: udpcam.Sender("127.0.0.1", key=k)):
        with pytest.raises(ValueError, match="udpcam key"):
            use(key)
