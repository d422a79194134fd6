package protocol

// An OutgoingTrain is the datagrams of one frame in the order in which they leave: the data, then parity. Each of them says how
// much parity there is. So receivers that need different amounts of parity get different trains of the same frame. The zero
// value is ready for Begin, which uses its memory again.
type OutgoingTrain struct {
	builder
	parity int // segments of each block
}

// Begin makes this a train of frame o, with a number of parity segments for each block: as many as are asked for, or as
// there can be. Begin all trains of a frame before making the parity of any.
func (t *OutgoingTrain) Begin(o *Outgoing, parity int) {
	t.parity = min(parity, o.rows)
	o.sent = max(o.sent, t.parity)
	if s := o.splitting.sealing; s != nil {
		s.started, s.newest = true, o.header.FrameID
	}
	t.begin(o, t.parity, o.Segments()+t.parity*o.layout.blocks)
}

// Parity is how many parity segments each block has.
func (t *OutgoingTrain) Parity() int { return t.parity }

// Len is how many datagrams the train has.
func (t *OutgoingTrain) Len() int { return t.o.Segments() + t.ParityLen() }

// ParityLen is how many of them are parity.
func (t *OutgoingTrain) ParityLen() int { return t.parity * t.o.layout.blocks }

// Size is how many bytes these datagrams have.
func (t *OutgoingTrain) Size() int {
	return t.o.DataSize() + t.ParityLen()*t.o.DatagramSize()
}

// Make makes the first n datagrams, or all if there are fewer, and returns all that are made so far. Parity is computed when
// the first datagram of parity is made, so that the data can leave before. Sealed datagrams are faster to make and send some
// at a time: they are then still in the processor's cache. The datagrams are valid until the next Begin, or until the frame
// is moved.
func (t *OutgoingTrain) Make(n int) []Datagram {
	data, blocks := t.o.Segments(), t.o.layout.blocks
	for i := len(t.datagrams); i < min(n, t.Len()); i++ {
		if i < data {
			t.addData(i, typeData)
			continue
		}
		row, block := (i-data)/blocks, (i-data)%blocks
		t.addParity(block, row, typeParity, t.o.encode()[block*t.o.sent+row])
	}
	return t.datagrams
}

// A builder builds datagrams of a frame.
type builder struct {
	o         *Outgoing
	header    segmentHeader // of the next datagram
	memory    []byte        // of headers, or of whole datagrams if they are sealed
	datagrams []Datagram
	nonce     [segmentNonceSize]byte
}

// begin forgets all datagrams, and makes room for n. Their headers say that the frame has this much parity.
func (b *builder) begin(o *Outgoing, parity, n int) {
	size := SegmentHeaderSize
	if o.splitting.sealing != nil {
		size = o.DatagramSize()
	}
	b.o, b.header, b.datagrams = o, o.header, b.datagrams[:0]
	b.header.Parity = uint8(parity)
	if b.memory = b.memory[:0]; cap(b.memory) < n*size {
		b.memory = make([]byte, 0, n*size)
	}
}

func (b *builder) addData(i int, as datagramType) {
	block, countdown := b.o.layout.name(i)
	start, end := b.o.layout.span(i)
	b.add(as, block, countdown, b.o.frame[start:end])
}

func (b *builder) addParity(block, row int, as datagramType, payload []byte) {
	b.add(as, block, b.o.layout.rows()-row, payload)
}

func (b *builder) add(as datagramType, block, countdown int, payload []byte) {
	h := &b.header
	h.Type, h.Block, h.Countdown = as, uint8(block), uint8(countdown)
	at := len(b.memory)
	m := b.o.appendHeader(h, b.memory)
	if s := b.o.splitting.sealing; s != nil {
		m, payload = s.sealSegment(m, at, &b.nonce, payload), nil
	}
	b.memory = m
	b.datagrams = append(b.datagrams, Datagram{m[at:len(m):len(m)], payload})
}
