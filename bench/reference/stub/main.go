// Command stub is the backend of the benchmark. It answers a small fixed JSON, or an SSE stream whose events carry the
// instant they were sent; it counts its peak of requests at once, and becomes ready at an instant it is told.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

type stub struct {
	tokens   int
	interval time.Duration
	// Unix nanoseconds from which it is ready.
	readyAt atomic.Int64
	// Nanoseconds that an answer takes.
	delay    atomic.Int64
	inFlight atomic.Int64
	peak     atomic.Int64
	answer   []byte
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	tokens := flag.Int("tokens", 200, "events of a stream")
	interval := flag.Duration("interval", 10*time.Millisecond, "time between two events")
	load := flag.Duration("load", 0, "time from its start until it is ready")
	flag.Parse()

	s := &stub{tokens: *tokens, interval: *interval}
	s.readyAt.Store(time.Now().Add(*load).UnixNano())
	s.answer = []byte(`{"id":"bench","object":"chat.completion","model":"bench","choices":[{"index":0,` +
		`"message":{"role":"assistant","content":"` + string(bytes.Repeat([]byte("x"), 60)) + `"},"finish_reason":"stop"}]}`)
	http.HandleFunc("GET /health", s.health)
	http.HandleFunc("POST /control/ready", s.setReady)
	http.HandleFunc("POST /control/delay", s.setDelay)
	http.HandleFunc("POST /control/peak", s.takePeak)
	http.HandleFunc("POST /v1/chat/completions", s.complete)
	log.Fatal(http.ListenAndServe(*listen, nil))
}

func (s *stub) untilReady() time.Duration {
	return time.Until(time.Unix(0, s.readyAt.Load()))
}

func (s *stub) health(w http.ResponseWriter, _ *http.Request) {
	if s.untilReady() > 0 {
		http.Error(w, `{"error":{"message":"Loading model"}}`, http.StatusServiceUnavailable)
	}
}

// setReady makes it ready `in` milliseconds from now, or never for a negative number, and tells that instant.
func (s *stub) setReady(w http.ResponseWriter, r *http.Request) {
	inMs, err := strconv.Atoi(r.URL.Query().Get("in"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	at := int64(math.MaxInt64)
	if inMs >= 0 {
		at = time.Now().Add(time.Duration(inMs) * time.Millisecond).UnixNano()
	}
	s.readyAt.Store(at)
	fmt.Fprint(w, at)
}

func (s *stub) setDelay(w http.ResponseWriter, r *http.Request) {
	delayMs, err := strconv.Atoi(r.URL.Query().Get("ms"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.delay.Store(int64(delayMs) * int64(time.Millisecond))
}

func (s *stub) takePeak(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprint(w, s.peak.Swap(s.inFlight.Load()))
}

func (s *stub) complete(w http.ResponseWriter, r *http.Request) {
	now := s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	for peak := s.peak.Load(); now > peak && !s.peak.CompareAndSwap(peak, now); peak = s.peak.Load() {
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	// A proxy that does not know about readiness has its requests wait here.
	for s.untilReady() > 0 {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
	if delay := s.delay.Load(); delay > 0 {
		time.Sleep(time.Duration(delay))
	}
	head := body[:min(len(body), 200)]
	if bytes.Contains(head, []byte(`"stream":true`)) {
		s.stream(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Ready-At", strconv.FormatInt(s.readyAt.Load(), 10))
	_, _ = w.Write(s.answer)
}

func (s *stub) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := w.(http.Flusher)
	start := time.Now()
	for i := range s.tokens {
		time.Sleep(time.Until(start.Add(time.Duration(i) * s.interval)))
		if r.Context().Err() != nil {
			return
		}
		fmt.Fprintf(w, "data: {\"sent\":%d,\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"}}]}\n\n", time.Now().UnixNano())
		flusher.Flush()
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}
