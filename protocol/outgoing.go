package protocol

// spareParity is how many parity segments of a block a code has at least beyond those sent at first, for answers.
const spareParity = 3

// An Outgoing is a frame on its way: the datagrams of its data, then those of its parity, then answers to whoever misses
// some. It has the frame and owns the memory of everything else. What its methods return is valid until any
// of them is called again. See [Splitter.Split].
type Outgoing struct {
	coder  *coder
	layout layout
	source Frame
	frame  []byte        // the source's bytes
	header segmentHeader // what all its datagrams have in common
	first  int           // parity segments of each block that follow the data
	code   int           // parity segments of each block that there can be, m

	encoded bool     // whether parity is computed
	parity  [][]byte // block by block, code segments each
	memory  []byte   // what parity lies in
	sent    []int    // parity segments of each block that have been returned

	headers   []byte
	datagrams []Datagram
}

// Release releases the frame, of which nothing is sent any more. What was returned of it is not valid any longer.
func (o *Outgoing) Release() {
	o.source.Release()
	o.source, o.frame = Frame{}, nil
}

// FrameID is the ID of the frame.
func (o *Outgoing) FrameID() uint32 { return o.header.FrameID }

// Size is how many bytes the frame has.
func (o *Outgoing) Size() int { return len(o.frame) }

// Segments is how many datagrams the frame's data makes, and Blocks how many blocks they are in.
func (o *Outgoing) Segments() int { return o.layout.segments() }

// Blocks is how many blocks the frame has.
func (o *Outgoing) Blocks() int { return o.layout.blocks }

// DatagramSize is how many bytes its datagrams have at the most, and all of them but the frame's last do.
func (o *Outgoing) DatagramSize() int { return SegmentHeaderSize + o.layout.stride }

// Planned is how many datagrams of its data and of the parity that follows there are.
func (o *Outgoing) Planned() int { return o.layout.segments() + o.first*o.layout.blocks }

// PlannedSize is how many bytes the datagrams of its data and of the parity that follows have, or up to a DatagramSize
// more.
func (o *Outgoing) PlannedSize() int {
	return o.Planned() * o.DatagramSize()
}

// Data returns the datagrams of the frame's data, in the order in which they are to be sent.
func (o *Outgoing) Data() []Datagram {
	o.begin(o.layout.segments())
	for i := range o.layout.segments() {
		o.addData(i, typeData)
	}
	return o.datagrams
}

// Parity returns the datagrams of the parity that follows the data, in the order in which they are to be sent. It is
// computed only now, so that the data need not wait for it.
func (o *Outgoing) Parity() []Datagram {
	o.begin(o.first * o.layout.blocks)
	for range o.first {
		for block := range o.layout.blocks {
			o.addParity(block, typeParity)
		}
	}
	return o.datagrams
}

// Answer returns the datagrams that answer a receiver's request, at most limit: parity that has not been returned before,
// as far as there is any, then the data segments that the receiver named. A request that is not about this frame, or
// contradicts it, has no answer.
func (o *Outgoing) Answer(r Request, limit int) []Datagram {
	o.begin(0)
	switch {
	case r.FrameID != o.header.FrameID:
	case r.Whole():
		for i := range min(o.layout.segments(), limit) {
			o.addData(i, typeData|typeRepair)
		}
	case int(r.Block) < o.layout.blocks && int(r.Data) == o.layout.data:
		need := min(int(r.Need), limit)
		for ; need > 0 && o.sent[r.Block] < o.code; need-- {
			o.addParity(int(r.Block), typeParity|typeRepair)
		}
		for j := 0; j < o.layout.data && need > 0; j++ {
			if i := j*o.layout.blocks + int(r.Block); r.missing(j) && i < o.layout.segments() {
				o.addData(i, typeData|typeRepair)
				need--
			}
		}
	}
	return o.datagrams
}

// begin clears what was returned last and makes room for n datagrams.
func (o *Outgoing) begin(n int) {
	o.datagrams = o.datagrams[:0]
	o.headers = o.headers[:0]
	if cap(o.headers) < n*SegmentHeaderSize {
		o.headers = make([]byte, 0, n*SegmentHeaderSize)
	}
}

func (o *Outgoing) addData(i int, as datagramType) {
	block, countdown := o.layout.name(i)
	start, end := o.layout.span(i)
	o.add(as, block, countdown, o.first, o.frame[start:end])
}

func (o *Outgoing) addParity(block int, as datagramType) {
	if !o.encoded {
		o.encode()
	}
	j := o.sent[block]
	o.sent[block]++
	o.add(as, block, o.code-j, o.code, o.parity[block*o.code+j])
}

func (o *Outgoing) add(as datagramType, block, countdown, parity int, payload []byte) {
	h := o.header
	h.Type, h.Block, h.Countdown, h.Parity = as, uint8(block), uint8(countdown), uint8(parity)
	at := len(o.headers)
	o.headers = h.append(o.headers)
	o.datagrams = append(o.datagrams, Datagram{o.headers[at:len(o.headers):len(o.headers)], payload})
}

// encode computes the parity of all blocks.
func (o *Outgoing) encode() {
	n, stride := o.layout.blocks*o.code, o.layout.stride
	if cap(o.memory) < n*stride {
		o.memory = make([]byte, n*stride)
	}
	o.parity = o.parity[:0]
	for i := range n {
		o.parity = append(o.parity, o.memory[i*stride:(i+1)*stride:(i+1)*stride])
	}
	for block := range o.layout.blocks {
		// There is a code for every layout and size that Split chooses, so this cannot fail.
		if err := o.coder.encode(o.layout, block, o.frame, o.parity[block*o.code:(block+1)*o.code]); err != nil {
			panic(err)
		}
	}
	o.encoded = true
}
