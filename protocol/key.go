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

// A Key is the secret that the senders and receivers of sealed streams share. Anybody who has it can watch and send. The
// zero value means no key.
type Key [32]byte

// ErrKey means that a text is not a key.
var ErrKey = errors.New("not a key: a key is 32 bytes in base64, 44 characters; udpcam key makes one")

// NewKey makes a random key.
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
// salt is always the same, so that the same words give the same key on every machine.
const (
	passphraseSalt    = "udpcam/1 passphrase"
	passphrasePasses  = 3
	passphraseMemory  = 64 << 10 // KiB
	passphraseThreads = 4

	// minPassphrase is the fewest characters of a passphrase. It makes guessing harder: anybody who has recorded sealed
	// datagrams can try out words.
	minPassphrase = 16
)

// KeyFromPassphrase makes a key from words that people can remember. The same words always give the same key: Unicode's form
// (NFC) and the number of spaces do not matter. It takes 64 MiB of memory and some tenths of a second.
func KeyFromPassphrase(words string) (k Key, err error) {
	words = norm.NFC.String(strings.Join(strings.Fields(words), " "))
	if len([]rune(words)) < minPassphrase {
		return k, fmt.Errorf("the passphrase is too short: give at least %d characters, such as five words", minPassphrase)
	}
	b := argon2.IDKey([]byte(words), []byte(passphraseSalt),
		passphrasePasses, passphraseMemory, passphraseThreads, uint32(len(k)))
	return Key(b), nil
}

// Text is the key in base64. It is secret.
func (k Key) Text() string { return base64.StdEncoding.EncodeToString(k[:]) }

// String is the key's ID, and not the key: so printing a key by mistake gives nothing away.
func (k Key) String() string { return "key " + k.ID().String() }

// A KeyID tells keys apart and is not secret. Two keys have the same ID once in 65,536 times.
type KeyID uint16

func (id KeyID) String() string { return fmt.Sprintf("%04x", uint16(id)) }

func (k Key) ID() KeyID { return KeyID(binary.BigEndian.Uint16(k.derive(nil, "udpcam/1 key id", 2))) }

// derive derives size secret bytes from the key, other ones for each purpose (HKDF-SHA256, RFC 5869).
func (k Key) derive(salt []byte, purpose string, size int) []byte {
	b, err := hkdf.Key(sha256.New, k[:], salt, purpose, size)
	if err != nil {
		panic(err) // only if size is far too large
	}
	return b
}

// announcements returns the cipher of announcements. It is the same for all sessions.
func (k Key) announcements() cipher.AEAD {
	return must(chacha20poly1305.NewX(k.derive(nil, "udpcam/1 announcement", 32)))
}

// segments returns the cipher of a session's segments, nil if the suite is unknown.
func (k Key) segments(salt [saltSize]byte, s suite) cipher.AEAD {
	switch s {
	case suiteChaCha:
		return must(chacha20poly1305.New(k.derive(salt[:], "udpcam/1 segment ChaCha20-Poly1305", 32)))
	case suiteAES:
		return must(cipher.NewGCM(must(aes.NewCipher(k.derive(salt[:], "udpcam/1 segment AES-256-GCM", 32)))))
	}
	return nil
}

// feedback returns the cipher of a session's reports and requests.
func (k Key) feedback(salt [saltSize]byte) cipher.AEAD {
	return must(chacha20poly1305.NewX(k.derive(salt[:], "udpcam/1 feedback", 32)))
}

// subscriptions returns the cipher of subscriptions. It is the same for all ports.
func (k Key) subscriptions() cipher.AEAD {
	return must(chacha20poly1305.NewX(k.derive(nil, "udpcam/1 subscription", 32)))
}

// must returns a new cipher. Making one cannot fail: the keys have the right size.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A suite is the cipher of a session's segments. The sender chooses it, and its announcements say which.
type suite byte

const (
	suiteChaCha suite = 1 // ChaCha20-Poly1305, fast on every processor
	suiteAES    suite = 2 // AES-256-GCM, three times as fast on processors with instructions for it, slow on others
)

// bestSuite is the fastest suite on this machine.
func bestSuite() suite {
	if cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ || cpu.ARM64.HasAES && cpu.ARM64.HasPMULL {
		return suiteAES
	}
	return suiteChaCha
}
