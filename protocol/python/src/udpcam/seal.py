"""Keys, and how datagrams are sealed with them, by the package cryptography."""
from __future__ import annotations

import base64
import hashlib
import hmac
import os
import struct
from typing import NamedTuple, Protocol

from .wire import SEALED, TAG, Refused, check

CHACHA, AES = 1, 2


class Aead(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes: ...
    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes: ...


class XChaCha:
    """XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), made of what cryptography has: HChaCha20 is a block of ChaCha20's key
    stream, without the addition of the initial state at its end."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def _inner(self, nonce: bytes) -> Aead:
        from cryptography.hazmat.primitives.ciphers import Cipher, aead, algorithms
        block = Cipher(algorithms.ChaCha20(self._key, nonce[:16]), None).encryptor().update(bytes(64))
        pairs = zip(struct.unpack("<4I32x4I", block), struct.unpack("<8I", b"expand 32-byte k" + nonce[:16]))
        return aead.ChaCha20Poly1305(struct.pack("<8I", *((w - start) & 0xFFFFFFFF for w, start in pairs)))

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        return self._inner(nonce).encrypt(bytes(4) + nonce[16:], data, associated_data)

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        return self._inner(nonce).decrypt(bytes(4) + nonce[16:], data, associated_data)


class Key:
    """The secret that the senders and receivers of sealed streams share: 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.id = int.from_bytes(self._derive(b"", b"key id")[:2], "big")
        self.announcements, self.subscriptions = (XChaCha(self._derive(b"", p)) for p in (b"announcement", b"subscription"))
        try:
            self.subscriptions.encrypt(bytes(24), b"", b"")  # loads OpenSSL now, and not when the first datagram waits
        except ImportError:
            raise ImportError("a key needs the package cryptography: pip install cryptography") from None

    def _derive(self, salt: bytes, purpose: bytes) -> bytes:  # HKDF-SHA256 (RFC 5869), its first block
        prk = hmac.digest(salt or bytes(32), self._secret, hashlib.sha256)
        return hmac.digest(prk, b"udpcam/1 " + purpose + b"\x01", hashlib.sha256)

    def feedback(self, salt: bytes) -> Aead:
        return XChaCha(self._derive(salt, b"feedback"))

    def segments(self, salt: bytes, suite: int) -> Aead:
        from cryptography.hazmat.primitives.ciphers import aead
        check(suite in (CHACHA, AES), "unknown-type")
        if suite == AES:
            return aead.AESGCM(self._derive(salt, b"segment AES-256-GCM"))
        return aead.ChaCha20Poly1305(self._derive(salt, b"segment ChaCha20-Poly1305"))


def parse_key(text: str) -> Key:
    """The key that udpcam key prints, or that is in a file of that name."""
    lines = [text]
    if os.path.isfile(text):
        with open(text, encoding="utf-8") as f:
            lines = f.read(4096).splitlines()
    for line in lines:
        try:
            secret = base64.b64decode(line.strip(), validate=True)
        except ValueError:
            continue
        if len(secret) == 32 and any(secret) and base64.b64encode(secret).decode() == line.strip():
            return Key(secret)
    raise ValueError("neither a key nor a file that has one: a key is 32 bytes in base64, 44 characters. "
                     "udpcam key makes one, and udpcam key --passphrase makes it from words")


class Control(NamedTuple):
    """The clear part of a sealed datagram that is no segment."""
    origin: bytes
    counter: int
    key_id: int
    suite: int = 0


def seal_control(aead: Aead, control: Control, opened: bytes) -> bytes:
    header = opened[:2] + bytes([opened[2] | SEALED]) + opened[3:8] + struct.pack(">16sQHBx", *control)
    return header + aead.encrypt(header[8:32], opened[8:], header)


def parse_control(b: bytes) -> Control:
    check(len(b) >= 36 + TAG)
    return Control(*struct.unpack_from(">16sQHBx", b, 8))


def open_control(aead: Aead, b: bytes) -> bytes:
    return b[:2] + bytes([b[2] & ~SEALED]) + b[3:8] + _open(aead, b[8:32], b[36:], b[:36])


def seal_segment(aead: Aead, header: bytes, payload: bytes) -> bytes:
    return header + aead.encrypt(header[:1] + header[17:18] + header[2:12], payload, header)


def open_segment(aead: Aead, b: bytes) -> bytes:
    return _open(aead, b[:1] + b[17:18] + b[2:12], b[28:], b[:28])


def _open(aead: Aead, nonce: bytes, sealed: bytes, header: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    try:
        return aead.decrypt(nonce, sealed, header)
    except InvalidTag:
        raise Refused("wrong-key") from None
