package main

import (
	"fmt"
	"strconv"
	"time"
)

type coldResult struct {
	// Milliseconds from ready to the client's first byte, one per start, in order.
	DelaysMs []float64 `json:"delaysMs"`
	Failed   int       `json:"failed"`
	// Requests that met a backend that was still up: no start to measure.
	Warm int `json:"warm"`
	// Why the last one failed.
	Reason string `json:"reason"`
}

// cold lets the model go idle, then sends one request, once for every start. The backend's answer tells the instant
// from which it was ready.
func cold(address string, count int, pause time.Duration) coldResult {
	result := coldResult{DelaysMs: []float64{}}
	message := request(500, false)
	for range count {
		time.Sleep(pause)
		if err := result.start(address, message); err != nil {
			result.Failed++
			result.Reason = err.Error()
		}
	}
	return result
}

func (result *coldResult) start(address string, message []byte) error {
	sentAt := time.Now()
	x, err := send(address, message, 4096)
	if err != nil {
		return err
	}
	defer x.conn.Close()
	response, firstByteAt, err := x.answer()
	if err != nil {
		return err
	}
	readyAt, err := strconv.ParseInt(response.Header.Get("x-ready-at"), 10, 64)
	if err != nil {
		return fmt.Errorf("the answer tells no instant: %w", err)
	}
	if readyAt < sentAt.UnixNano() {
		result.Warm++
		return nil
	}
	result.DelaysMs = append(result.DelaysMs, float64(firstByteAt.UnixNano()-readyAt)/1e6)
	return nil
}
