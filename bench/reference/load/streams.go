package main

import (
	"bufio"
	"bytes"
	"strconv"
	"sync"
	"time"
)

type streamsResult struct {
	Tokens     int     `json:"tokens"`
	Failed     int     `json:"failed"`
	FirstP50Ms float64 `json:"firstP50Ms"`
	FirstP99Ms float64 `json:"firstP99Ms"`
	RelayP50Ms float64 `json:"relayP50Ms"`
	RelayP99Ms float64 `json:"relayP99Ms"`
	GapP99Ms   float64 `json:"gapP99Ms"`
}

type streamRun struct {
	first       time.Duration
	relays      []time.Duration
	gaps        []time.Duration
	isCompleted bool
}

var sentKey = []byte(`data: {"sent":`)

// streams opens them 5 ms apart, so that the time to the first token is not that of a burst.
func streams(address string, count, tokens int) streamsResult {
	message := request(500, true)
	runs := make([]streamRun, count)
	var group sync.WaitGroup
	for i := range runs {
		group.Add(1)
		go func() {
			defer group.Done()
			runs[i] = readStream(address, message, tokens)
		}()
		time.Sleep(5 * time.Millisecond)
	}
	group.Wait()

	var result streamsResult
	var firsts, relays, gaps []time.Duration
	for _, run := range runs {
		result.Tokens += len(run.relays)
		if !run.isCompleted {
			result.Failed++
			continue
		}
		firsts = append(firsts, run.first)
		relays = append(relays, run.relays...)
		gaps = append(gaps, run.gaps...)
	}
	result.FirstP50Ms, result.FirstP99Ms = quantileMs(firsts, 0.5), quantileMs(firsts, 0.99)
	result.RelayP50Ms, result.RelayP99Ms = quantileMs(relays, 0.5), quantileMs(relays, 0.99)
	result.GapP99Ms = quantileMs(gaps, 0.99)
	return result
}

func readStream(address string, message []byte, tokens int) streamRun {
	run := streamRun{relays: make([]time.Duration, 0, tokens)}
	start := time.Now()
	x, err := send(address, message, 4096)
	if err != nil {
		return run
	}
	defer x.conn.Close()
	response, _, err := x.answer()
	if err != nil {
		return run
	}
	lines := bufio.NewScanner(response.Body)
	var lastAt time.Time
	for lines.Scan() {
		line := lines.Bytes()
		if bytes.HasPrefix(line, sentKey) {
			now := time.Now()
			digits, _, _ := bytes.Cut(line[len(sentKey):], []byte(","))
			sentAt, _ := strconv.ParseInt(string(digits), 10, 64)
			run.relays = append(run.relays, time.Duration(now.UnixNano()-sentAt))
			if lastAt.IsZero() {
				run.first = now.Sub(start)
			} else {
				run.gaps = append(run.gaps, now.Sub(lastAt))
			}
			lastAt = now
		} else if string(line) == "data: [DONE]" {
			run.isCompleted = len(run.relays) == tokens
		}
	}
	return run
}
