package web

import (
	"net/http"
	"strconv"
	"time"
)

// pollWait is how long the answer to a page that asks for the next picture waits for one. The page hears from the server
// at least that often.
const pollWait = time.Second

// servePoll answers a page whose WebSocket does not get through: with the clock, and the newest picture of f unless the page
// has that already (?after=NUMBER). With ?wait=1 the answer waits for a picture. The messages are those of page_message.go.
func (s *Server) servePoll(w http.ResponseWriter, r *http.Request, f *feed) {
	asked := time.Now()
	v, leave := s.visit(w, r, f)
	if leave == nil {
		return
	}
	defer leave()
	query := r.URL.Query()
	after, err := strconv.ParseUint(query.Get("after"), 10, 32)
	wait := time.Duration(0)
	if query.Get("wait") == "1" {
		wait = pollWait
	}
	p := s.awaitPicture(r, f, wait, func(p *part) bool { return err != nil || p.number != uint32(after) })
	answer := appendClockMessage(nil, f, [8]byte{}, asked, time.Now())
	size := len(answer)
	if p != nil {
		answer = append(answer, p.message[len(p.message)-pictureHeaderSize:]...)
		size = len(answer) + len(p.frame.JPEG)
	}
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Length", strconv.Itoa(size))
	header.Set("Cache-Control", "no-store")
	v.mustTake(s.config.StallTimeout)
	w.Write(answer) // fails only if the page has left
	if p != nil {
		w.Write(p.frame.JPEG)
	}
}
