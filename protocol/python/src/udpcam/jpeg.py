"""As much of JPEG (ITU-T T.81) as is needed to cut pictures out of a byte stream, and to know their size."""
from __future__ import annotations

import re
from typing import BinaryIO, Iterator

from .wire import MAX_FRAME

_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # a marker that ends a scan


def _markers(b: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """The markers behind SOI, and where they are."""
    at = 2
    while at + 2 <= len(b) and b[at] == 0xFF:
        code = b[at + 1]
        yield code, at
        if code == 0xFF or code == 1 or 0xD0 <= code <= 0xD9:  # these stand alone
            at += 1 if code == 0xFF else 2
            continue
        at += 2 + int.from_bytes(b[at + 2:at + 4], "big")
        if code == 0xDA:
            found = _IN_SCAN.search(b, at)
            at = found.start() if found else len(b)


def size(jpeg: bytes) -> tuple[int, int]:
    """Width and height in pixels, zeros if they are not found."""
    for code, at in _markers(jpeg):
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC) and at + 9 <= len(jpeg):
            return int.from_bytes(jpeg[at + 7:at + 9], "big"), int.from_bytes(jpeg[at + 5:at + 7], "big")
        if code == 0xDA:
            break
    return 0, 0


def split(file: BinaryIO) -> Iterator[bytes]:
    """The JPEGs in a stream of bytes, each as soon as it has come. What lies between them is left out."""
    b = bytearray()
    while chunk := getattr(file, "read1", file.read)(1 << 16):
        b += chunk
        while True:
            start = b.find(b"\xff\xd8\xff")
            del b[:start if start >= 0 else max(0, len(b) - 2)]
            end = next((at + 2 for code, at in _markers(b) if code == 0xD9), 0) if start >= 0 else 0
            if not end:
                break
            yield bytes(b[:end])
            del b[:end]
        if len(b) > MAX_FRAME:
            del b[:2]
