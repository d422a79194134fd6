package protocol

import "fmt"

// DefaultPort is the UDP port of addresses without one.
const DefaultPort = 12345

// A Wire is a format in which frames are sent.
type Wire string

// The known wires. The zero value means WireV1.
const (
	WireV1      Wire = "udpcam/1" // each datagram describes the whole frame
	WireClassic Wire = "classic"  // a header of one countdown byte, for existing scripts
)

// ParseWire returns the wire with that name. "" means WireV1.
func ParseWire(name string) (Wire, error) {
	switch w := Wire(name); w {
	case "":
		return WireV1, nil
	case WireV1, WireClassic:
		return w, nil
	}
	return "", fmt.Errorf("unknown wire %q: choose %s or %s", name, WireV1, WireClassic)
}
