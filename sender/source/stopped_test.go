package source

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A source that is ended within a picture leaves nothing out and warns of nothing: an HTTP camera, a pipe, a program.
func TestEndingIsNoTrouble(t *testing.T) {
	pics := street(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "multipart/x-mixed-replace;boundary=b")
		for _, part := range [][]byte{pics[0], pics[1][:9000]} {
			fmt.Fprintf(w, "--b\r\nContent-Type: image/jpeg\r\n\r\n%s\r\n", part)
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	part := store(t, "part", pics[0], pics[1][:9000])
	for _, name := range []string{server.URL, "exec:cat " + part + "; exec sleep 100"} {
		skipped, log := skips{}, logged{}
		ctx, cancel := context.WithCancel(t.Context())
		for _, err := range open(t, name, Options{Skip: skipped.add, Log: log.logger()}).Frames(ctx) {
			if err != nil {
				t.Error(err)
			}
			time.AfterFunc(200*time.Millisecond, cancel)
		}
		cancel()
		if len(skipped.n) > 0 {
			t.Errorf("%s: %v were left out", name, skipped.n)
		}
		if said := log.String(); len(said) == 0 || strings.Contains(said, "WARN") {
			t.Errorf("%s: logged %s", name, said)
		}
	}
}
