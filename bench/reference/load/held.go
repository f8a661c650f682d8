package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

type heldResult struct {
	Answered int `json:"answered"`
	Failed   int `json:"failed"`
	// From the first answer to the last.
	DrainMs float64 `json:"drainMs"`
	// The first failure's reason.
	Reason string `json:"reason"`
}

// Connections opened at once: below the listen backlog, so that none is refused or has to knock twice.
const dialsAtOnce = 100

// held sends all requests, prints "sent" when every body was written (or failed, or has been waiting to be read for
// sentPatience), and waits for all answers.
func held(address string, count, bodyBytes int) heldResult {
	message := request(bodyBytes, false)
	answeredAt := make([]time.Time, count)
	failures := make([]error, count)
	dials := make(chan struct{}, dialsAtOnce)
	var sent, done sync.WaitGroup
	for i := range count {
		sent.Add(1)
		done.Add(1)
		go func() {
			defer done.Done()
			dials <- struct{}{}
			x, err := send(address, message, 512)
			<-dials
			sent.Done()
			if err == nil {
				answeredAt[i], err = x.finish()
				x.conn.Close()
			}
			failures[i] = err
		}()
	}
	awaitSent(&sent)
	fmt.Println("sent")
	done.Wait()
	return summarize(answeredAt, failures)
}

const sentPatience = 20 * time.Second

// A proxy may leave large bodies unread while they wait; the load then goes on without them.
func awaitSent(sent *sync.WaitGroup) {
	all := make(chan struct{})
	go func() {
		sent.Wait()
		close(all)
	}()
	select {
	case <-all:
	case <-time.After(sentPatience):
	}
}

func (x *exchange) finish() (time.Time, error) {
	response, _, err := x.answer()
	if err != nil {
		return time.Time{}, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return time.Now(), err
}

func summarize(answeredAt []time.Time, failures []error) heldResult {
	var result heldResult
	var first, last time.Time
	for i, at := range answeredAt {
		if failures[i] != nil {
			result.Failed++
			if result.Reason == "" {
				result.Reason = failures[i].Error()
			}
			continue
		}
		result.Answered++
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	result.DrainMs = float64(last.Sub(first).Microseconds()) / 1000
	return result
}
