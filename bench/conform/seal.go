package conform

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	chacha, aesGCM = 1, 2 // the suites

	controlSize = 36 // bytes before what is encrypted
	tagSize     = 16
)

// A Key is the key that the tested program has been given.
type Key [32]byte

func (k Key) derive(salt []byte, info string, size int) []byte {
	b, err := hkdf.Key(sha256.New, k[:], salt, info, size)
	return must(b, err)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (k Key) id() uint16 { return binary.BigEndian.Uint16(k.derive(nil, "udpcam/1 key id", 2)) }

func (k Key) announcements() cipher.AEAD {
	return must(chacha20poly1305.NewX(k.derive(nil, "udpcam/1 announcement", 32)))
}

func (k Key) subscriptions() cipher.AEAD {
	return must(chacha20poly1305.NewX(k.derive(nil, "udpcam/1 subscription", 32)))
}

func (k Key) feedback(salt []byte) cipher.AEAD {
	return must(chacha20poly1305.NewX(k.derive(salt, "udpcam/1 feedback", 32)))
}

func (k Key) segments(salt []byte, suite byte) (cipher.AEAD, error) {
	switch suite {
	case chacha:
		return chacha20poly1305.New(k.derive(salt, "udpcam/1 segment ChaCha20-Poly1305", 32))
	case aesGCM:
		return cipher.NewGCM(must(aes.NewCipher(k.derive(salt, "udpcam/1 segment AES-256-GCM", 32))))
	}
	return nil, errors.New("the suite is neither 1 nor 2")
}

// nonce is that of a segment with this header.
func nonce(header []byte) []byte {
	n := append([]byte(nil), header[:12]...)
	n[1] = header[17]
	return n
}

// sealSegment makes the datagram of a segment.
func sealSegment(by cipher.AEAD, s segment) []byte {
	s.sealed, s.crc = true, 0
	h := s.header()
	return by.Seal(append([]byte(nil), h...), nonce(h), s.payload, h)
}

// A control is the open part of a sealed control datagram.
type control struct {
	origin  [16]byte
	counter uint64
	key     uint16
	suite   byte
}

// sealControl seals a datagram that is open so far.
func sealControl(by cipher.AEAD, c control, open []byte) []byte {
	b := append([]byte(nil), open[:8]...)
	b[2] |= 0x80
	b = append(b, c.origin[:]...)
	b = binary.BigEndian.AppendUint64(b, c.counter)
	b = binary.BigEndian.AppendUint16(b, c.key)
	b = append(b, c.suite, 0)
	return by.Seal(b, b[8:32], open[8:], b)
}

// openControl opens a sealed control datagram. It returns it as if it had been sent open.
func openControl(by func(control) cipher.AEAD, b []byte) (c control, open []byte, err error) {
	if len(b) < controlSize+tagSize {
		return c, nil, errors.New("a sealed datagram is cut short")
	}
	c = control{[16]byte(b[8:24]), binary.BigEndian.Uint64(b[24:]), binary.BigEndian.Uint16(b[32:]), b[34]}
	plain, err := by(c).Open(nil, b[8:32], b[controlSize:], b[:controlSize])
	if err != nil {
		return c, nil, errors.New("the key does not open a datagram")
	}
	open = append(append([]byte(nil), b[:8]...), plain...)
	open[2] &^= 0x80
	return c, open, nil
}

func random16() (b [16]byte) {
	rand.Read(b[:])
	return b
}
