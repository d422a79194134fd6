"""Cuts JPEGs (ITU-T T.81) out of a stream of bytes."""
from __future__ import annotations

import re
from typing import BinaryIO, Iterator

from .wire import MAX_FRAME

_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # a marker that ends a scan


def _end(b: bytearray) -> int:
    """Where the JPEG at the beginning of b ends, 0 if that has not come yet."""
    at = 2
    while at + 2 <= len(b) and b[at] == 0xFF and b[at + 1] != 0xD9:
        code = b[at + 1]
        if code == 0xFF or code == 1 or 0xD0 <= code <= 0xD8:  # fill bytes and markers that stand alone
            at += 1 if code == 0xFF else 2
            continue
        at += 2 + int.from_bytes(b[at + 2:at + 4], "big")
        if code == 0xDA:
            found = _IN_SCAN.search(b, at)
            at = found.start() if found else len(b)
    return at + 2 if b[at:at + 2] == b"\xff\xd9" else 0


def split(file: BinaryIO) -> Iterator[bytes]:
    """The JPEGs in a stream of bytes, each as soon as it has come. What lies between them is left out."""
    b = bytearray()
    while chunk := getattr(file, "read1", file.read)(1 << 16):
        b += chunk
        while (start := b.find(b"\xff\xd8\xff")) >= 0:
            del b[:start]
            end = _end(b)
            if not end:
                break
            yield bytes(b[:end])
            del b[:end]
        del b[:2 if len(b) > MAX_FRAME else 0]
