package sender

// SetNextID sets the ID of the next frame.
func (s *Sender) SetNextID(id uint32) { s.nextID = id }

// SegmentSize is the segment size of the last frame.
func (s *Sender) SegmentSize() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.splitter.SegmentSize()
}
