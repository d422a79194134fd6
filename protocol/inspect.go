package protocol

import "time"

// A DatagramKind is the kind of a udpcam/1 datagram.
type DatagramKind string

// The kinds of datagrams.
const (
	KindData         DatagramKind = "data"
	KindParity       DatagramKind = "parity"
	KindAnnouncement DatagramKind = "announcement"
	KindReport       DatagramKind = "report"
	KindRequest      DatagramKind = "request"
	KindSubscribe    DatagramKind = "subscribe"
	KindAnswer       DatagramKind = "answer" // to a Subscribe
	KindSkip         DatagramKind = "skip"
)

// A DatagramInfo describes a udpcam/1 datagram, for tools that watch traffic. A field is 0 if datagrams of this kind do not
// have it, or if it is encrypted.
type DatagramInfo struct {
	Kind    DatagramKind
	FrameID uint32 // of data, parity and requests; of a skip the first
	Block   int    // of data, parity and requests
	Index   int    // the number of a data segment in its frame, or the row of a parity segment, from 0
	Repair  bool   // whether data or parity answers a request
	// Data is how many data segments the frame has. Parity is how many parity segments of each block follow them, without
	// answers to requests.
	Data, Parity int
	Need         int // of a request: how many segments, 0 for the whole frame
}

// Inspect describes a datagram. The error is ErrForeign, ErrUnknownType or ErrMalformed.
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
		info.Kind = KindAnnouncement
		if !p.Sealed {
			_, _, err = parseAnnouncement(b)
		}
	case typeReport:
		info.Kind = KindReport
		if !p.Sealed {
			_, _, err = parseReport(b, time.Time{})
		}
	case typeRequest:
		info.Kind = KindRequest
		if !p.Sealed {
			var r Request
			r, err = parseRequest(p, b)
			info.FrameID, info.Block, info.Need = r.FrameID, int(r.Block), int(r.Need)
		}
	case typeSkip:
		info.Kind = KindSkip
		if !p.Sealed {
			info.FrameID, _, err = parseSkip(b)
		}
	case typeSubscribe:
		info.Kind = KindSubscribe
		if !p.Sealed {
			_, err = parseSubscribe(b)
		}
	case typeAnswer:
		info.Kind = KindAnswer
		if !p.Sealed {
			_, err = parseAnswer(b)
		}
	default:
		err = ErrUnknownType
	}
	return info, err
}
