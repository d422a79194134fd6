package sender

// LastID is the last frame ID of a session that is sealed.
const LastID = lastID

// SetNextID sets the ID of the next frame, for tests.
func (s *Sender) SetNextID(id uint32) { s.nextID = id }
