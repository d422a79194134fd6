package sender

import "udpcam/protocol"

const (
	// answerShare is what may be answered to an address, per byte that was sent to it as media. It stops an address
	// that is forged, or a receiver that asks too much, from getting many times what it gets anyway.
	answerShare = 0.5

	// minAllowance is the least that may be saved up for answers, in bytes: some datagrams of any size.
	minAllowance = 2 * protocol.MaxDatagram
)

// An allowance is how many bytes of answers an address may be sent now: a token bucket that is filled by what it is
// sent as media, up to one frame. So an address never gets more than half as much again, whoever asks in its name.
// The zero value is empty.
type allowance struct{ bytes float64 }

// earn takes in that so many bytes of a frame were sent.
func (a *allowance) earn(frame int) {
	a.bytes = min(a.bytes+answerShare*float64(frame), float64(max(frame, minAllowance)))
}

// spend takes so many bytes out.
func (a *allowance) spend(bytes int) { a.bytes -= float64(bytes) }
