package protocol

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/sys/cpu"
	"golang.org/x/text/unicode/norm"
)

// A Key is the secret that the senders and receivers of sealed streams share. Whoever has it can watch, and can send.
// The zero value is no key.
type Key [32]byte

// ErrKey is a text that is no key.
var ErrKey = errors.New("not a key: a key is 32 bytes in base64, 44 characters; udpcam key makes one")

// NewKey makes a key of the system's random bytes.
func NewKey() (k Key) {
	rand.Read(k[:])
	return k
}

// ParseKey reads a key as Text writes it. Spaces around it do not matter. The error is ErrKey, and never quotes the text.
func ParseKey(text string) (k Key, err error) {
	b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != len(k) || Key(b) == (Key{}) {
		return k, ErrKey
	}
	return Key(b), nil
}

// The parameters of argon2id for passphrases: the second recommendation of RFC 9106, section 4, which needs 64 MiB. The
// salt is the same for all: it has to be known wherever the words are typed.
const (
	passphraseSalt    = "udpcam/1 passphrase"
	passphrasePasses  = 3
	passphraseMemory  = 64 << 10 // KiB
	passphraseThreads = 4

	// minPassphrase is the fewest characters of a passphrase. Whoever records sealed datagrams can try words at home.
	minPassphrase = 16
)

// KeyFromPassphrase makes a key of words that people can remember. The same words give the same key everywhere: they are
// brought to Unicode's form NFC, and each run of spaces counts as one. It takes 64 MiB of memory and some tenths of a
// second.
func KeyFromPassphrase(words string) (k Key, err error) {
	words = norm.NFC.String(strings.Join(strings.Fields(words), " "))
	if len([]rune(words)) < minPassphrase {
		return k, fmt.Errorf("the passphrase is too short: give at least %d characters, such as five words", minPassphrase)
	}
	b := argon2.IDKey([]byte(words), []byte(passphraseSalt), passphrasePasses, passphraseMemory, passphraseThreads, uint32(len(k)))
	return Key(b), nil
}

// Text is the key in base64. It is secret.
func (k Key) Text() string { return base64.StdEncoding.EncodeToString(k[:]) }

// String is the key's ID. So a key that is printed by mistake gives nothing away.
func (k Key) String() string { return "key " + k.ID().String() }

// A KeyID tells keys apart without giving them away. Two keys have the same one by chance, once in 65,536 times.
type KeyID uint16

func (id KeyID) String() string { return fmt.Sprintf("%04x", uint16(id)) }

// ID is the key's ID.
func (k Key) ID() KeyID { return KeyID(binary.BigEndian.Uint16(k.derive(nil, "udpcam/1 key id", 2))) }

// derive makes size secret bytes for a purpose of the key (HKDF-SHA256, RFC 5869).
func (k Key) derive(salt []byte, purpose string, size int) []byte {
	b, err := hkdf.Key(sha256.New, k[:], salt, purpose, size)
	if err != nil {
		panic(err) // only for sizes that nobody asks for
	}
	return b
}

// announcements seals and opens announcements, of all sessions.
func (k Key) announcements() cipher.AEAD {
	return newControlAEAD(k.derive(nil, "udpcam/1 announcement", 32))
}

// segments returns what seals and opens the segments of a session, nil if the suite is unknown.
func (k Key) segments(salt [saltSize]byte, s suite) cipher.AEAD {
	switch s {
	case suiteChaCha:
		return must(chacha20poly1305.New(k.derive(salt[:], "udpcam/1 segment ChaCha20-Poly1305", 32)))
	case suiteAES:
		return must(cipher.NewGCM(must(aes.NewCipher(k.derive(salt[:], "udpcam/1 segment AES-256-GCM", 32)))))
	}
	return nil
}

// feedback returns what seals and opens what receivers say of a session.
func (k Key) feedback(salt [saltSize]byte) cipher.AEAD {
	return newControlAEAD(k.derive(salt[:], "udpcam/1 feedback", 32))
}

func newControlAEAD(key []byte) cipher.AEAD { return must(chacha20poly1305.NewX(key)) }

// must returns a cipher, which cannot fail for a key of the right size.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A suite is how segments are sealed. The sender chooses it and announces it.
type suite byte

const (
	suiteChaCha suite = 1 // ChaCha20-Poly1305, fast on every processor
	suiteAES    suite = 2 // AES-256-GCM, three times as fast where the processor has instructions for it, and else slow
)

// bestSuite is the fastest one on this machine.
func bestSuite() suite {
	if cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ || cpu.ARM64.HasAES && cpu.ARM64.HasPMULL {
		return suiteAES
	}
	return suiteChaCha
}
