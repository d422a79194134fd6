package protocol

import (
	"crypto/cipher"
	"encoding/binary"
	"time"
)

// A receiver may ask a sender for its streams: it subscribes. Then the sender sends to the address that asked, for as long
// as the subscription is renewed. README.md in this folder has the whole exchange. [Doorkeeper] is the sender's part of it,
// and [Subscriber] the receiver's.

const (
	// Lease is how long a subscription lasts after the last Subscribe or report of the receiver.
	Lease = 3 * time.Second

	cookieSize    = 16
	subscribeSize = prefixSize + 8 + cookieSize + 2 // without the name
	answerSize    = prefixSize + 8 + cookieSize + 2
)

// A cookie proves that a receiver gets what is sent to its address. Only the sender that has made it can tell what is in it.
// Zeros mean that there is none.
type cookie [cookieSize]byte

// A Subscribe asks a sender for its streams, or says that they are not wanted any more.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|       0       |  Magic 0xCA   |S|Ver=1| Type=6|       0       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                       0                       |       0       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                       Number, 8 bytes                         |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                      Cookie, 16 bytes                         |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|     What      |  Name length  |  Name, UTF-8 …
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-
//
// What follows the name is ignored.
type Subscribe struct {
	// Number is drawn at random by the receiver, for each subscription. The answer has it too, so nobody can forge one who
	// has not seen the Subscribe.
	Number uint64
	// Name is the name of the stream that is wanted. If it is empty, all streams are.
	Name string
	// Farewell says that the subscription is to end.
	Farewell bool
	// Key is the key that has opened the datagram, the zero value if it came open. The receiver gets only streams that are
	// sealed with this key, or open ones.
	Key Key
	// Proven says that the cookie is right: the receiver gets what is sent to its address. The cookie of a farewell may be
	// old.
	Proven bool

	cookie   cookie
	receiver [saltSize]byte // the receiver's ID, if the datagram was sealed
	counter  uint64         // of the receiver's datagrams, if it was sealed
}

// Follows reports whether a Subscribe may follow the last one that was accepted from the same address. A sealed one must not
// be a recording, so its counter must have grown. A farewell must be of the same subscription.
func (s Subscribe) Follows(last Subscribe) bool {
	if s.Farewell && s.Number != last.Number {
		return false
	}
	return s.Key == (Key{}) || s.receiver != last.receiver || s.counter > last.counter
}

// The values of the field What.
const (
	whatSubscribe = 0
	whatFarewell  = 1
)

func (s Subscribe) append(b []byte) []byte {
	b = prefix{Type: typeSubscribe}.append(b)
	b = binary.BigEndian.AppendUint64(b, s.Number)
	b = append(b, s.cookie[:]...)
	what := byte(whatSubscribe)
	if s.Farewell {
		what = whatFarewell
	}
	name := CleanName(s.Name)
	b = append(b, what, byte(len(name)))
	return append(b, name...)
}

// parseSubscribe reads an open Subscribe. The error is ErrMalformed.
func parseSubscribe(b []byte) (s Subscribe, err error) {
	if len(b) < subscribeSize || b[32] > whatFarewell || b[33] > MaxStreamName || len(b) < subscribeSize+int(b[33]) {
		return s, ErrMalformed
	}
	return Subscribe{
		Number:   binary.BigEndian.Uint64(b[8:]),
		Name:     CleanName(string(b[subscribeSize:][:b[33]])),
		Farewell: b[32] == whatFarewell,
		cookie:   cookie(b[16:]),
	}, nil
}

// A SubscribeStatus is what a sender answers to a Subscribe.
type SubscribeStatus uint8

// The answers to a Subscribe.
const (
	StatusCookie     SubscribeStatus = 0 // here is a cookie: ask again with it
	StatusSubscribed SubscribeStatus = 1 // the stream is on its way, or comes as soon as there are frames
	StatusFull       SubscribeStatus = 2 // all places are taken
	StatusNoStream   SubscribeStatus = 3 // there is no stream of that name here, or not yet
)

// A subscribeAnswer answers a Subscribe. It is never larger than what it answers. So nobody can use senders to flood an
// address with more than he sends himself.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|       0       |  Magic 0xCA   |S|Ver=1| Type=7|       0       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                       0                       |       0       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                       Number, 8 bytes                         |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                      Cookie, 16 bytes                         |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|    Status     |       0       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type subscribeAnswer struct {
	number uint64
	cookie cookie
	status SubscribeStatus
}

func (a subscribeAnswer) append(b []byte) []byte {
	b = prefix{Type: typeAnswer}.append(b)
	b = binary.BigEndian.AppendUint64(b, a.number)
	b = append(b, a.cookie[:]...)
	return append(b, byte(a.status), 0)
}

// parseAnswer reads an open answer. The error is ErrMalformed.
func parseAnswer(b []byte) (a subscribeAnswer, err error) {
	if len(b) < answerSize || b[32] > byte(StatusNoStream) {
		return a, ErrMalformed
	}
	return subscribeAnswer{binary.BigEndian.Uint64(b[8:]), cookie(b[16:]), SubscribeStatus(b[32])}, nil
}

// IsAnswer reports whether a datagram answers a Subscribe.
func IsAnswer(b []byte) bool {
	p, err := parsePrefix(b)
	return err == nil && p.Type == typeAnswer
}

// SessionOf returns the session that a report or request is about. It is false for other datagrams. A port with several
// senders tells by it whose feedback it is.
func SessionOf(b []byte) (session uint32, ok bool) {
	p, err := parsePrefix(b)
	return p.Session, err == nil && (p.Type == typeReport || p.Type == typeRequest)
}

// A subscriptionKey is a key with its cipher of subscriptions.
type subscriptionKey struct {
	Key
	id   KeyID
	aead cipher.AEAD
}

func subscriptionKeys(keys []Key) (all []subscriptionKey) {
	for _, k := range keys {
		if k != (Key{}) {
			all = append(all, subscriptionKey{k, k.ID(), k.subscriptions()})
		}
	}
	return all
}

// openSubscription opens a sealed datagram about a subscription with one of the keys. It destroys b, and uses scratch. The
// error is ErrMalformed or ErrWrongKey.
func openSubscription(keys []subscriptionKey, b []byte, scratch *[]byte) (h controlHeader, key int, open []byte, err error) {
	if h, err = parseControlHeader(b); err != nil {
		return h, 0, nil, err
	}
	for i, k := range keys {
		if k.id != h.key {
			continue
		}
		// Several keys may have this ID. Opening destroys the bytes, so each key gets a copy.
		*scratch = append((*scratch)[:0], b...)
		if open = openControl(*scratch, k.aead); open != nil {
			return h, i, open, nil
		}
	}
	return h, 0, nil, ErrWrongKey
}

// sealSubscription seals a datagram about a subscription.
func (k subscriptionKey) seal(h controlHeader, open []byte) []byte {
	h.key = k.id
	return sealControl(make([]byte, 0, len(open)+controlHeaderSize-prefixSize+TagSize), k.aead, h, open)
}
