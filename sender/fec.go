package sender

import (
	"math"
	"strconv"
)

// MaxFEC is the most parity that a sender adds, in segments per data segment.
const MaxFEC = 1

// A FEC says how much parity follows a frame's data (forward error correction). Each parity segment can replace any lost
// segment of its block. The zero value adapts to what receivers report. See [FECShare] for a fixed amount.
type FEC struct {
	fixed bool
	share float64
}

// FECOff sends no parity. Receivers must request what is lost.
var FECOff = FECShare(0)

// FECShare is a fixed amount of parity, in segments per data segment, 0 to MaxFEC. Every block gets at least one parity
// segment, unless the share is 0.
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

// segments is how many parity segments a block of k data segments gets, if the amount is fixed: the share, rounded up.
func (f FEC) segments(k int) int { return int(math.Ceil(f.share*float64(k) - 1e-9)) }
