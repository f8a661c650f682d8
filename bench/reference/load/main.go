// Command load makes the loads that wrk cannot: streams, requests that are held, and cold starts. Each subcommand
// prints one JSON object at its end.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"time"
)

// Every load is bounded: a connection that has not ended by then counts as failed.
const maxWait = 90 * time.Second

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: load streams|held|cold|mixed [flags]")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	address := flags.String("address", "", "host:port of the proxy")
	count := flags.Int("count", 1, "requests")
	bodyBytes := flags.Int("bytes", 500, "bytes of a request's body")
	tokens := flags.Int("tokens", 200, "events expected of a stream")
	path := flags.String("path", "/v1/chat/completions", "path of a request")
	seconds := flags.Int("seconds", 60, "length of a mixed load")
	rate := flags.Int("rate", 100, "requests of a mixed load that begin in each second")
	pause := flags.Duration("pause", time.Second, "time between two cold starts, in which the model goes idle")
	_ = flags.Parse(os.Args[2:])
	requestPath = *path

	var result any
	switch os.Args[1] {
	case "streams":
		result = streams(*address, *count, *tokens)
	case "held":
		result = held(*address, *count, *bodyBytes)
	case "cold":
		result = cold(*address, *count, *pause)
	case "mixed":
		result = mixed(*address, *seconds, *rate, *tokens)
	default:
		log.Fatalf("unknown load %q", os.Args[1])
	}
	_ = json.NewEncoder(os.Stdout).Encode(result)
}

var requestPath string

// request is the whole of a chat request of about bodyBytes.
func request(bodyBytes int, isStream bool) []byte {
	head := fmt.Sprintf(`{"model":"bench","stream":%t,"messages":[{"role":"user","content":"`, isStream)
	tail := `"}]}`
	body := head + string(bytes.Repeat([]byte("x"), max(0, bodyBytes-len(head)-len(tail)))) + tail
	return []byte(fmt.Sprintf("POST %s HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"+
		"content-length: %d\r\n\r\n%s", requestPath, len(body), body))
}

type exchange struct {
	conn   net.Conn
	reader *bufio.Reader
}

// send opens a connection of its own and writes the request.
func send(address string, message []byte, bufferBytes int) (*exchange, error) {
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(maxWait))
	if _, err := conn.Write(message); err != nil {
		conn.Close()
		return nil, err
	}
	return &exchange{conn, bufio.NewReaderSize(conn, bufferBytes)}, nil
}

// answer reads the head and tells when its first byte came.
func (x *exchange) answer() (*http.Response, time.Time, error) {
	if _, err := x.reader.Peek(1); err != nil {
		return nil, time.Time{}, err
	}
	firstByteAt := time.Now()
	response, err := http.ReadResponse(x.reader, &http.Request{Method: http.MethodPost})
	if err == nil && response.StatusCode != http.StatusOK {
		start, _ := io.ReadAll(io.LimitReader(response.Body, 200))
		err = fmt.Errorf("status %d: %s", response.StatusCode, start)
	}
	return response, firstByteAt, err
}

// quantileMs is in milliseconds; the durations are sorted in place.
func quantileMs(durations []time.Duration, quantile float64) float64 {
	if len(durations) == 0 {
		return 0
	}
	slices.Sort(durations)
	index := min(len(durations)-1, int(quantile*float64(len(durations))))
	return float64(durations[index].Microseconds()) / 1000
}
