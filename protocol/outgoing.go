package protocol

// An Outgoing is a frame on its way out. It makes the datagrams of the frame's data, then those of its parity, then answers
// to requests. It reads the frame's bytes where the caller of [Splitter.Split] has them, until Move copies them. All other
// memory is its own. The datagrams that a method returns are valid until the next such call.
type Outgoing struct {
	encoders *encoders // the splitter's
	sealing  *sealing  // the splitter's, nil if the datagrams are open
	layout   layout
	frame    []byte        // the frame's bytes, which belong to somebody else
	header   segmentHeader // of the last datagram; most fields are the same in all
	first    int           // parity segments of each block that follow the data, p
	rows     int           // the most parity segments that each block can have
	next     []int         // for each block, the first row of parity that was not sent yet

	appendHeader func(*segmentHeader, []byte) []byte // appends the header as the wire has it
	overhead     int                                 // bytes of a datagram besides its payload

	parity    [][]byte // parity segments, in memory
	memory    []byte
	headers   []byte
	buffer    *[]byte // where datagrams are built: headers, or for whole sealed datagrams the sealing's memory
	datagrams []Datagram
}

// Move copies the frame's bytes to memory, which must have room for Size bytes. From then on the Outgoing reads them only
// there. Datagrams that were returned before are not valid any more.
func (o *Outgoing) Move(memory []byte) {
	n := copy(memory, o.frame)
	o.frame = memory[:n:n]
	clear(o.datagrams[:cap(o.datagrams)]) // their payloads are in the old memory
}

// FrameID is the ID of the frame.
func (o *Outgoing) FrameID() uint32 { return o.header.FrameID }

// Size is how many bytes the frame has.
func (o *Outgoing) Size() int { return len(o.frame) }

// Segments is how many data segments, and so how many datagrams of data, the frame has.
func (o *Outgoing) Segments() int { return o.layout.segments() }

// Blocks is how many blocks the frame has.
func (o *Outgoing) Blocks() int { return o.layout.blocks }

// DatagramSize is the size of the frame's datagrams in bytes. Only the last one of the data may be smaller.
func (o *Outgoing) DatagramSize() int { return o.overhead + o.layout.stride }

// Largest is the size in bytes of the largest datagram of data.
func (o *Outgoing) Largest() int { return o.overhead + min(o.layout.stride, o.Size()) }

// Planned is how many datagrams the data and the parity that follows it make.
func (o *Outgoing) Planned() int { return o.layout.segments() + o.first*o.layout.blocks }

// PlannedSize is how many bytes these datagrams have.
func (o *Outgoing) PlannedSize() int {
	return o.Size() + o.first*o.layout.blocks*o.layout.stride + o.Planned()*o.overhead
}

// BlockData is how many data segments each block has, k.
func (o *Outgoing) BlockData() int { return o.layout.data }

// SetParity sets how many parity segments of each block follow the data. If n is more than a block can have, it sets that.
// Every datagram of the frame carries the number, so call SetParity before making any of them.
func (o *Outgoing) SetParity(n int) {
	o.first = min(n, o.rows)
	o.header.Parity = uint8(o.first)
	o.next = o.next[:0]
	for range o.layout.blocks {
		o.next = append(o.next, o.first)
	}
}

// Data returns the datagrams of the frame's data, in the order in which they are to be sent.
func (o *Outgoing) Data() []Datagram { return o.DataFrom(0, o.Segments()) }

// DataFrom returns n datagrams of the frame's data, or as many as there are, beginning with number first. For sealed frames
// it is faster to make and send some at a time: they are then still in the processor's cache.
func (o *Outgoing) DataFrom(first, n int) []Datagram {
	if o.sealing != nil {
		o.sealing.started, o.sealing.newest = true, o.header.FrameID
	}
	n = min(n, o.Segments()-first)
	o.begin(n, false)
	for i := range n {
		o.addData(first+i, typeData)
	}
	return o.datagrams
}

// Parity returns the datagrams of the parity that follows the data, in the order in which they are to be sent. Parity is
// computed by this call, so that the data can leave before.
func (o *Outgoing) Parity() []Datagram {
	n := o.first * o.layout.blocks
	o.begin(n, false)
	o.makeRoom(n)
	for block := range o.layout.blocks {
		o.encoders.encode(o.layout, block, o.frame, o.parity[block*o.first:(block+1)*o.first])
	}
	for row := range o.first {
		for block := range o.layout.blocks {
			o.addParity(block, row, typeParity, o.parity[block*o.first+row])
		}
	}
	return o.datagrams
}

// Answer returns the datagrams that answer a receiver's request, at most limit. First come rows of parity that were not sent
// yet. If these are too few, the data segments follow that the receiver named. There is no answer to a request that is about
// another frame or contradicts this one.
func (o *Outgoing) Answer(r Request, limit int) []Datagram {
	o.begin(0, true)
	switch {
	case r.FrameID != o.header.FrameID:
	case r.Whole():
		for i := range min(o.layout.segments(), limit) {
			o.addData(i, typeData|typeRepair)
		}
	case int(r.Block) < o.layout.blocks && int(r.Data) == o.layout.data:
		need := min(int(r.Need), limit)
		need -= o.addRows(int(r.Block), need)
		for j := 0; j < o.layout.data && need > 0; j++ {
			if i := j*o.layout.blocks + int(r.Block); r.missing(j) && i < o.layout.segments() {
				o.addData(i, typeData|typeRepair)
				need--
			}
		}
	}
	return o.datagrams
}

// begin forgets the datagrams that were returned last, and makes room for n. An answer has memory of its own if it is
// sealed.
func (o *Outgoing) begin(n int, answer bool) {
	size := SegmentHeaderSize
	o.datagrams, o.buffer = o.datagrams[:0], &o.headers
	switch {
	case o.sealing != nil && answer:
		size, o.buffer = o.DatagramSize(), &o.sealing.answering
	case o.sealing != nil:
		size, o.buffer = o.DatagramSize(), &o.sealing.leaving
	}
	if *o.buffer = (*o.buffer)[:0]; cap(*o.buffer) < n*size {
		*o.buffer = make([]byte, 0, n*size)
	}
}

func (o *Outgoing) addData(i int, as datagramType) {
	block, countdown := o.layout.name(i)
	start, end := o.layout.span(i)
	o.add(as, block, countdown, o.frame[start:end])
}

// addRows adds rows of parity that were not sent yet, for an answer. It returns how many: as many as are wanted, or as are
// left.
func (o *Outgoing) addRows(block, wanted int) int {
	row := o.next[block]
	n := max(min(wanted, o.rows-row), 0)
	o.makeRoom(n)
	encode(o.layout, block, o.frame, row, o.parity)
	for i, payload := range o.parity {
		o.addParity(block, row+i, typeParity|typeRepair, payload)
	}
	o.next[block] += n
	return n
}

func (o *Outgoing) addParity(block, row int, as datagramType, payload []byte) {
	o.add(as, block, o.layout.rows()-row, payload)
}

func (o *Outgoing) add(as datagramType, block, countdown int, payload []byte) {
	h := &o.header
	h.Type, h.Block, h.Countdown = as, uint8(block), uint8(countdown)
	b := *o.buffer
	at := len(b)
	b = o.appendHeader(h, b)
	if o.sealing != nil {
		b, payload = o.sealing.sealSegment(b, at, payload), nil
	}
	*o.buffer = b
	o.datagrams = append(o.datagrams, Datagram{b[at:len(b):len(b)], payload})
}

// makeRoom makes room for n parity segments. It overwrites the last ones.
func (o *Outgoing) makeRoom(n int) {
	stride := o.layout.stride
	if cap(o.memory) < n*stride {
		o.memory = make([]byte, n*stride)
	}
	o.parity = o.parity[:0]
	for i := range n {
		o.parity = append(o.parity, o.memory[i*stride:(i+1)*stride:(i+1)*stride])
	}
}
