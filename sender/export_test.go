package sender

// SetNextID sets the ID of the next frame.
func (s *Sender) SetNextID(id uint32) { s.nextID = id }
