package protocol

import "fmt"

// A Wire is a way to write frames as datagrams.
type Wire string

// The known wires. The zero value means WireV1.
const (
	WireV1      Wire = "udpcam/1" // each datagram describes its frame whole
	WireClassic Wire = "classic"  // one countdown byte, to talk to existing scripts
)

// ParseWire returns the wire of that name; "" is WireV1.
func ParseWire(name string) (Wire, error) {
	switch w := Wire(name); w {
	case "":
		return WireV1, nil
	case WireV1, WireClassic:
		return w, nil
	}
	return "", fmt.Errorf("unknown wire %q: choose %s or %s", name, WireV1, WireClassic)
}
