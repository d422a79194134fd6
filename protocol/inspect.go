package protocol

import "time"

// A DatagramKind is what a udpcam/1 datagram is for.
type DatagramKind string

// The kinds of datagrams.
const (
	KindData         DatagramKind = "data"
	KindParity       DatagramKind = "parity"
	KindAnnouncement DatagramKind = "announcement"
	KindReport       DatagramKind = "report"
	KindRequest      DatagramKind = "request"
)

// A DatagramInfo is what a udpcam/1 datagram says of itself, for those who look at traffic from outside. What a kind does
// not have is 0, and so is what is sealed.
type DatagramInfo struct {
	Kind    DatagramKind
	FrameID uint32 // of data, parity and requests
	Block   int    // likewise
	Index   int    // of data in its frame, or the row of parity, from 0
	Repair  bool   // whether data or parity is an answer to a request
	// Data is how many data segments the frame has, and Parity how many parity segments of each block follow them at
	// first.
	Data, Parity int
	Need         int // of a request: how many segments, 0 for the whole frame
}

// Inspect reads what a datagram is. The error is ErrForeign, ErrUnknownType or ErrMalformed.
func Inspect(b []byte) (info DatagramInfo, err error) {
	p, err := parsePrefix(b)
	if err != nil {
		return info, err
	}
	switch p.Type {
	case typeData, typeParity, typeData | typeRepair, typeParity | typeRepair:
		s, err := parseSegment(p, b)
		if err != nil {
			return info, err
		}
		info = DatagramInfo{Kind: KindData, FrameID: s.FrameID, Block: int(s.Block), Index: s.index, Repair: s.repair,
			Data: s.layout.segments(), Parity: int(s.Parity)}
		if s.parity {
			info.Kind = KindParity
		}
		return info, nil
	case typeAnnouncement:
		if !p.Sealed {
			_, _, err = parseAnnouncement(b)
		}
		return DatagramInfo{Kind: KindAnnouncement}, err
	case typeReport, typeRequest:
		kind := KindReport
		if p.Type == typeRequest {
			kind = KindRequest
		}
		if p.Sealed {
			return DatagramInfo{Kind: kind}, nil
		}
		f, err := parseFeedback(b, time.Time{})
		if err != nil || f.Report != nil {
			return DatagramInfo{Kind: kind}, err
		}
		return DatagramInfo{Kind: kind, FrameID: f.Request.FrameID, Block: int(f.Request.Block), Need: int(f.Request.Need)}, nil
	}
	return info, ErrUnknownType
}
