package protocol

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"net/netip"
	"slices"
	"time"
)

// cookieSlot is how long the cookies of one slot are made. A cookie is good in its slot and in the next one, so for 10 to 20
// seconds. It must outlive a round trip, and a short loss of the network.
const cookieSlot = 10 * time.Second

// A Doorkeeper reads and answers what receivers send to a port to subscribe. It says whether they get what is sent to their
// address. It does not keep the list of subscribers.
//
// It remembers nothing of those who ask, whatever comes: a cookie holds all that is needed. That is the idea of QUIC's Retry
// (RFC 9000, section 8.1) and of DTLS's cookies (RFC 6347, section 4.2.1). A cookie is
//
//	slot      4 bytes: the time at which it was made, in cookieSlot
//	MAC      12 bytes: of slot, address, port and the receiver's ID, by a secret that is drawn at the start
//
// A Doorkeeper is for one goroutine at a time.
type Doorkeeper struct {
	mac     hash.Hash     // HMAC-SHA256 with the secret
	control controlHeader // of the last sealed answer
	asked   []Key         // what keys is made of
	keys    []subscriptionKey
	scratch []byte
}

// NewDoorkeeper returns a doorkeeper with a new secret.
func NewDoorkeeper() *Doorkeeper {
	var secret [sha256.Size]byte
	rand.Read(secret[:])
	return &Doorkeeper{mac: hmac.New(sha256.New, secret[:]), control: controlHeader{origin: randomOrigin()}}
}

// Read reads a Subscribe that came from an address. keys are those of the port's streams, and the zero value among them
// stands for an open stream. If the datagram is sealed, Read decrypts it in place. If there is an error, the datagram must
// not be answered: ErrForeign, ErrUnknownType, ErrMalformed, ErrUnsealed or ErrWrongKey.
func (d *Doorkeeper) Read(b []byte, from netip.AddrPort, keys []Key, now time.Time) (s Subscribe, err error) {
	p, err := parsePrefix(b)
	if err != nil {
		return s, err
	}
	if p.Type != typeSubscribe {
		return s, ErrUnknownType
	}
	if !p.Sealed {
		if !slices.Contains(keys, Key{}) {
			return s, ErrUnsealed
		}
		if s, err = parseSubscribe(b); err != nil {
			return s, err
		}
	} else {
		if !slices.Equal(d.asked, keys) {
			d.asked, d.keys = slices.Clone(keys), subscriptionKeys(keys)
		}
		h, i, open, err := openSubscription(d.keys, b, &d.scratch)
		if err != nil {
			return s, err
		}
		if s, err = parseSubscribe(open); err != nil {
			return s, err
		}
		s.Key, s.receiver, s.counter = d.keys[i].Key, h.origin, h.counter
	}
	slot := binary.BigEndian.Uint32(s.cookie[:])
	fresh := slot == slotOf(now) || slot+1 == slotOf(now)
	right := d.cookie(slot, from, s.receiver)
	s.Proven = (fresh || s.Farewell) && hmac.Equal(right[:], s.cookie[:])
	return s, nil
}

// Answer returns the answer to a Subscribe, to be sent to the address that it came from. It has a new cookie. If the
// Subscribe is not proven, the status is always StatusCookie. A farewell is not answered: then Answer returns nil. The bytes
// are the caller's to keep.
func (d *Doorkeeper) Answer(s Subscribe, status SubscribeStatus, to netip.AddrPort, now time.Time) []byte {
	if s.Farewell {
		return nil
	}
	if !s.Proven {
		status = StatusCookie
	}
	open := subscribeAnswer{s.Number, d.cookie(slotOf(now), to, s.receiver), status}.append(make([]byte, 0, answerSize))
	if s.Key == (Key{}) {
		return open
	}
	key := slices.IndexFunc(d.keys, func(k subscriptionKey) bool { return k.Key == s.Key })
	if key < 0 { // the port has lost this key since
		return nil
	}
	d.control.counter++
	return d.keys[key].seal(d.control, open)
}

// cookie makes the cookie of a slot for an address, and for the receiver with an ID if it seals its datagrams.
func (d *Doorkeeper) cookie(slot uint32, of netip.AddrPort, receiver [saltSize]byte) (c cookie) {
	addr := of.Addr().As16()
	var signed, sum [64]byte
	b := binary.BigEndian.AppendUint32(signed[:0], slot)
	b = append(b, addr[:]...)
	b = binary.BigEndian.AppendUint16(b, of.Port())
	b = append(b, receiver[:]...)
	d.mac.Reset()
	d.mac.Write(b)
	binary.BigEndian.PutUint32(c[:], slot)
	copy(c[4:], d.mac.Sum(sum[:0]))
	return c
}

func slotOf(now time.Time) uint32 { return uint32(now.Unix() / int64(cookieSlot/time.Second)) }
