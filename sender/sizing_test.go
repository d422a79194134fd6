package sender

import (
	"fmt"
	"testing"
	"time"

	"udpcam/protocol"
)

// TestSizing searches the sizes of paths that carry segments of so many bytes.
func TestSizing(t *testing.T) {
	for _, c := range []struct {
		size, carries int // at first, and the most
		tried         string
		ends          int
	}{
		{1152, 1408, "[1408]", 1408},
		{1152, 1407, "[1408 1280 1344]", 1344},
		{1152, 1152, "[1408 1280 1216]", 1152},
		{448, 1152, "[1408 896 1152 1280 1216]", 1152},
		{1344, 1344, "[1408]", 1344},
		{1408, 9000, "[]", 1408},
	} {
		s, now := sizing{size: c.size, due: epoch}, epoch
		tried := []int{}
		for range 100 { // five seconds
			if size := s.next(now); size > 0 {
				if now.Sub(epoch) < searchAgain {
					tried = append(tried, size)
				}
				if size <= c.carries {
					s.arrived()
				}
			}
			now = now.Add(50 * time.Millisecond)
		}
		if got := fmt.Sprint(tried); got != c.tried || s.size != c.ends {
			t.Errorf("%+v: tried %s, ends with %d", c, got, s.size)
		}
		if s.next(now.Add(searchAgain)); c.ends < protocol.DefaultSegmentSize && s.probe == 0 {
			t.Errorf("%+v: does not search again", c)
		}
	}
}
