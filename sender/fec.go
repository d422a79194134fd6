package sender

import (
	"math"
	"strconv"
)

// MaxFEC is the most parity that a sender adds, in segments per data segment.
const MaxFEC = 1

// A FEC says how much parity follows a frame's data (forward error correction): segments of which any one stands in
// for any lost one of its block. The zero value chooses by what receivers report; see [FECShare] for a fixed amount.
type FEC struct {
	fixed bool
	share float64
}

// FECOff is no parity at all: what is lost must be asked for.
var FECOff = FECShare(0)

// FECShare is a fixed amount of parity, in segments per data segment, 0 to MaxFEC. A block of one data segment or
// more has at least one parity segment, unless the share is 0.
func FECShare(share float64) FEC { return FEC{fixed: true, share: min(max(share, 0), MaxFEC)} }

// String is the amount as people write it: auto, off, or a share such as 20%.
func (f FEC) String() string {
	switch {
	case !f.fixed:
		return "auto"
	case f.share == 0:
		return "off"
	}
	return strconv.FormatFloat(math.Round(f.share*1e8)/1e6, 'f', -1, 64) + "%"
}

// segments is how many parity segments a block of k data segments has, of a fixed amount.
func (f FEC) segments(k int) int { return parityShare(f.share, k) }

// parityShare is that share of k, rounded up.
func parityShare(share float64, k int) int { return int(math.Ceil(share*float64(k) - 1e-9)) }
