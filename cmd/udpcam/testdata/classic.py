#!/usr/bin/env python3
"""The classic wire as its first scripts speak it, for udpcam's tests to talk to.

    classic.py send HOST PORT FPS FILE...    sends each file as one frame
    classic.py recv HOST                     listens on a free port, which it prints on standard error, and writes the
                                             frames it receives to standard output

A datagram is one byte that counts down to 1, and up to 65,472 bytes of the frame. Nothing else says where a frame
begins: whoever joins throws away what comes up to a 1, and from there on a frame is what comes from one 1 to the next.
"""

import pathlib
import socket
import sys
import time

PAYLOAD = 65_472


def split(frame):
    """Yields a frame's datagrams."""
    payloads = [frame[i:i + PAYLOAD] for i in range(0, len(frame), PAYLOAD)]
    for countdown, payload in zip(range(len(payloads), 0, -1), payloads):
        yield bytes([countdown]) + payload


def join(datagrams):
    """Yields the frames in datagrams, without the one that was under way at the start."""
    frame = None
    for datagram in datagrams:
        if frame is not None:
            frame += datagram[1:]
        if datagram[0] == 1:
            if frame is not None:
                yield bytes(frame)
            frame = bytearray()


def send(host, port, fps, *files):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for file in files:
        for datagram in split(pathlib.Path(file).read_bytes()):
            udp.sendto(datagram, (host, int(port)))
        time.sleep(1 / float(fps))


def recv(host):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((host, 0))
    print(udp.getsockname()[1], file=sys.stderr, flush=True)
    for frame in join(iter(lambda: udp.recv(PAYLOAD + 1), b"")):
        sys.stdout.buffer.write(frame)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    {"send": send, "recv": recv}[sys.argv[1]](*sys.argv[2:])
