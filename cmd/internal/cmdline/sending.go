package cmdline

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"udpcam/sender"
)

// ParseFEC reads "auto", "off", or a share of the data such as "20%". "" is auto.
func ParseFEC(text string) (sender.FEC, error) {
	switch text {
	case "", "auto":
		return sender.FEC{}, nil
	case "off":
		return sender.FECOff, nil
	}
	if share, ok := parsePercent(text); ok && share <= sender.MaxFEC {
		return sender.FECShare(share), nil
	}
	return sender.FEC{}, fmt.Errorf("parity %q: give auto, off, or a share of the data such as 20%%, at most %d%%",
		text, 100*sender.MaxFEC)
}

// ParsePace reads "auto", "off", a share of the time between two frames such as "25%", or a rate in Mbit/s such as "200" or
// "200mbit". "" is auto.
func ParsePace(text string) (sender.Pace, error) {
	switch text {
	case "", "auto":
		return sender.Pace{}, nil
	case "off":
		return sender.PaceOff, nil
	}
	if share, ok := parsePercent(text); ok && share > 0 && share <= 1 {
		return sender.PaceShare(share), nil
	}
	number := strings.TrimSuffix(strings.ToLower(text), "mbit")
	if mbit, err := strconv.ParseFloat(number, 64); err == nil && mbit >= 0.1 && mbit <= 1e6 {
		return sender.PaceRate(mbit * 1e6), nil
	}
	return sender.Pace{}, fmt.Errorf("pace %q: give auto, a share of the time between two frames such as 25%%, "+
		"a rate in Mbit/s such as 200, or off", text)
}

// parsePercent reads a number from 0 with a percent sign.
func parsePercent(text string) (share float64, ok bool) {
	number, ok := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(number, 64)
	return share / 100, ok && err == nil && share >= 0 && !math.IsInf(share, 0)
}
