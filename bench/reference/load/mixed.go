package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

type mixedResult struct {
	Whole  int `json:"whole"`
	Left   int `json:"left"`
	Failed int `json:"failed"`
	// The first failure's reason.
	Reason string `json:"reason"`
	mutex  sync.Mutex
}

const largeBytes = 200 << 10

// mixed begins so many requests in each second, each over its own connection, whatever became of those before: streams
// that are read to their end, clients that leave a stream, clients that leave their own upload, large bodies, small ones.
func mixed(address string, seconds, rate, tokens int) *mixedResult {
	result := &mixedResult{}
	stream, large, small := request(500, true), request(largeBytes, false), request(500, false)
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	var group sync.WaitGroup
	for i := range seconds * rate {
		<-ticker.C
		group.Add(1)
		go func() {
			defer group.Done()
			switch i % 10 {
			case 0, 1, 2:
				result.add(wholeStream(address, stream, tokens))
			case 3, 4:
				result.leave(address, stream)
			case 5:
				result.leave(address, large[:len(large)/2])
			case 6, 7:
				result.add(wholeAnswer(address, large))
			default:
				result.add(wholeAnswer(address, small))
			}
		}()
	}
	group.Wait()
	return result
}

func wholeStream(address string, message []byte, tokens int) error {
	if run := readStream(address, message, tokens); !run.isCompleted {
		return fmt.Errorf("a stream ended after %d of %d events", len(run.relays), tokens)
	}
	return nil
}

func wholeAnswer(address string, message []byte) error {
	x, err := send(address, message, 512)
	if err != nil {
		return err
	}
	defer x.conn.Close()
	response, _, err := x.answer()
	if err == nil && response.StatusCode != 200 {
		err = fmt.Errorf("status %d", response.StatusCode)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
	}
	return err
}

func (r *mixedResult) leave(address string, message []byte) {
	x, err := send(address, message, 512)
	if err != nil {
		r.add(err)
		return
	}
	time.Sleep(30 * time.Millisecond)
	x.conn.Close()
	r.mutex.Lock()
	r.Left++
	r.mutex.Unlock()
}

func (r *mixedResult) add(err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err == nil {
		r.Whole++
		return
	}
	r.Failed++
	if r.Reason == "" {
		r.Reason = err.Error()
	}
}
