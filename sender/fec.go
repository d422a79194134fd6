package sender

import (
	"fmt"
	"math"
	"strconv"
	"strings"
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

// ParseFEC reads "auto", "off", or a share of the data such as "20%". "" is auto.
func ParseFEC(s string) (FEC, error) {
	switch s {
	case "", "auto":
		return FEC{}, nil
	case "off":
		return FECOff, nil
	}
	if share, ok := parsePercent(s); ok && share <= MaxFEC {
		return FECShare(share), nil
	}
	return FEC{}, fmt.Errorf("parity %q: give auto, off, or a share of the data such as 20%%, at most %d%%", s, 100*MaxFEC)
}

// String returns what ParseFEC reads.
func (f FEC) String() string {
	switch {
	case !f.fixed:
		return "auto"
	case f.share == 0:
		return "off"
	}
	return formatPercent(f.share)
}

// segments is how many parity segments a block of k data segments has, of a fixed amount.
func (f FEC) segments(k int) int { return parityShare(f.share, k) }

// parityShare is that share of k, rounded up.
func parityShare(share float64, k int) int { return int(math.Ceil(share*float64(k) - 1e-9)) }

// parsePercent reads a number above or at 0 with a percent sign.
func parsePercent(s string) (share float64, ok bool) {
	number, ok := strings.CutSuffix(s, "%")
	share, err := strconv.ParseFloat(number, 64)
	return share / 100, ok && err == nil && share >= 0 && !math.IsInf(share, 0)
}

func formatPercent(share float64) string {
	return strconv.FormatFloat(math.Round(share*1e8)/1e6, 'f', -1, 64) + "%"
}
