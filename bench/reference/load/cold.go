package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

type coldOptions struct {
	address, stub string
	count, loadMs int
	pause         time.Duration
}

type coldResult struct {
	// Milliseconds from ready to the client's first byte, one per start, in order.
	DelaysMs []float64 `json:"delaysMs"`
	Failed   int       `json:"failed"`
	// Starts that the proxy did not call cold: their figures mean nothing.
	Warm int `json:"warm"`
}

// cold lets the model go idle, then sends one request at the moment its start begins, once for every start.
func cold(o coldOptions) coldResult {
	var result coldResult
	message := request(500, false)
	for range o.count {
		time.Sleep(o.pause)
		readyAt, err := setReady(o.stub, o.loadMs)
		if err != nil {
			result.Failed++
			continue
		}
		x, err := send(o.address, message, 4096)
		if err != nil {
			result.Failed++
			continue
		}
		response, firstByteAt, err := x.answer()
		x.conn.Close()
		if err != nil {
			result.Failed++
			continue
		}
		if response.Header.Get("x-pilotlight-cold-start") == "" {
			result.Warm++
		}
		result.DelaysMs = append(result.DelaysMs, float64(firstByteAt.UnixNano()-readyAt)/1e6)
	}
	return result
}

// setReady is told back the instant, in Unix nanoseconds, from which the stub is ready.
func setReady(stub string, inMs int) (int64, error) {
	response, err := http.Post(fmt.Sprintf("http://%s/control/ready?in=%d", stub, inMs), "text/plain", nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(text), 10, 64)
}
