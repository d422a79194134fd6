package protocol

// An Outgoing is a frame on its way out. Its [OutgoingTrain] makes the datagrams of its data and parity, and Answer those that
// answer requests. It reads the frame's bytes where the caller of [Splitter.Split] has them, until Move copies them. All other
// memory is its own.
type Outgoing struct {
	splitting *splitting // what all frames of the splitter share
	layout    layout
	frame     []byte        // the frame's bytes, which belong to somebody else
	header    segmentHeader // of the next datagram; most fields are the same in all
	rows      int           // the most parity segments that each block can have
	sent      int           // parity segments of each block in the train that has most
	answered  []int         // for each block, how many further rows of parity were sent as answers

	appendHeader func(*segmentHeader, []byte) []byte // appends the header as the wire has it
	overhead     int                                 // bytes of a datagram besides its payload

	own OutgoingTrain // for Data and Parity
}

// A splitting is what a splitter and its frames share. The memory in it is for the frame that leaves now, and for the last
// answer. So it is still in the processor's cache when the next one needs it.
type splitting struct {
	encoders  encoders
	sealing   *sealing  // nil if the datagrams are open
	parity    rowMemory // of the frame encoded
	encoded   *Outgoing
	answer    builder
	answering rowMemory // parity in the answer
}

// begin makes this the next frame, whatever it was before.
func (o *Outgoing) begin(s *splitting, l layout, f Frame) {
	o.splitting, o.layout, o.frame, o.sent, o.own.o = s, l, f.JPEG, 0, nil
	o.answered = append(o.answered[:0], make([]int, l.blocks)...)
	if s.encoded == o {
		s.encoded = nil
	}
}

// Move copies the frame's bytes to memory, which must have room for Size bytes. From then on the Outgoing reads them only
// there. Datagrams that were made before are not valid any more.
func (o *Outgoing) Move(memory []byte) {
	n := copy(memory, o.frame)
	o.frame = memory[:n:n]
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

// DataSize is how many bytes the datagrams of the data have.
func (o *Outgoing) DataSize() int { return o.Size() + o.Segments()*o.overhead }

// BlockData is how many data segments each block has, k.
func (o *Outgoing) BlockData() int { return o.layout.data }

// Data returns the datagrams of the frame's data, in the order in which they are to be sent. It is for senders with one
// receiver. Others make a [OutgoingTrain] for each amount of parity. The datagrams are valid until Data is called again.
func (o *Outgoing) Data() []Datagram {
	o.own.Begin(o, int(o.header.Parity))
	return o.own.Make(o.Segments())
}

// Parity returns the datagrams of the parity that follows the data, as many as Split was asked for, in the order in which
// they are to be sent. Parity is computed by this call, so that the data can leave before.
func (o *Outgoing) Parity() []Datagram {
	if o.own.o == nil {
		o.Data()
	}
	return o.own.Make(o.own.Len())[o.Segments():]
}

// encode computes the rows of parity of all trains. Row j of a block is in place block × sent + j of the result.
func (o *Outgoing) encode() [][]byte {
	s := o.splitting
	if s.encoded == o {
		return s.parity.list
	}
	s.encoded = o
	s.parity.makeRoom(o.sent*o.layout.blocks, o.layout.stride)
	for block := range o.layout.blocks {
		s.encoders.encode(o.layout, block, o.frame, s.parity.list[block*o.sent:(block+1)*o.sent])
	}
	return s.parity.list
}

// Answer returns the datagrams that answer a receiver's request, at most limit. parity is that of the train which the
// receiver got. First come rows of parity that no receiver has. If these are too few, the data segments follow that the
// receiver named. There is no answer to a request that is about another frame or contradicts this one. The datagrams are
// valid until an Outgoing of the same splitter answers again.
func (o *Outgoing) Answer(r Request, parity, limit int) []Datagram {
	b := &o.splitting.answer
	b.begin(o, parity, 0)
	switch {
	case r.FrameID != o.header.FrameID:
	case r.Whole():
		for i := range min(o.layout.segments(), limit) {
			b.addData(i, typeData|typeRepair)
		}
	case int(r.Block) < o.layout.blocks && int(r.Data) == o.layout.data:
		need := min(int(r.Need), limit)
		need -= o.addRows(b, int(r.Block), need)
		for j := 0; j < o.layout.data && need > 0; j++ {
			if i := j*o.layout.blocks + int(r.Block); r.missing(j) && i < o.layout.segments() {
				b.addData(i, typeData|typeRepair)
				need--
			}
		}
	}
	return b.datagrams
}

// addRows adds rows of parity that were not sent yet, for an answer. It returns how many: as many as are wanted, or as are
// left.
func (o *Outgoing) addRows(b *builder, block, wanted int) int {
	row := o.sent + o.answered[block]
	n := max(min(wanted, o.rows-row), 0)
	parity := &o.splitting.answering
	parity.makeRoom(n, o.layout.stride)
	encode(o.layout, block, o.frame, row, parity.list)
	for i, payload := range parity.list {
		b.addParity(block, row+i, typeParity|typeRepair, payload)
	}
	o.answered[block] += n
	return n
}

// A rowMemory is memory for rows of parity. The zero value is empty.
type rowMemory struct {
	list   [][]byte
	memory []byte
}

// makeRoom makes room for n rows of size bytes. It overwrites the last ones.
func (r *rowMemory) makeRoom(n, size int) {
	if cap(r.memory) < n*size {
		r.memory = make([]byte, n*size)
	}
	r.list = r.list[:0]
	for i := range n {
		r.list = append(r.list, r.memory[i*size:(i+1)*size:(i+1)*size])
	}
}
