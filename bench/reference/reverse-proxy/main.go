// Command reverse-proxy is what activators written in Go are built on: net/http/httputil.ReverseProxy behind a
// semaphore, with the model read from the JSON body. It keeps no metrics and no log.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"runtime"
	"sync"
)

const maxBodyBytes = 32 << 20

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte  { return *b.pool.Get().(*[]byte) }
func (b *buffers) Put(x []byte) { b.pool.Put(&x) }

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	backend := flag.String("backend", "", "URL of the backend")
	limit := flag.Int("limit", 100, "requests at once")
	readsModel := flag.Bool("reads-model", true, "read the body whole and find its model; else it is passed on unread")
	flag.Parse()
	runtime.GOMAXPROCS(1)

	target, err := url.Parse(*backend)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(*listen, admit(newProxy(target), *limit, *readsModel)))
}

func newProxy(target *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 1000, DisableCompression: true},
		BufferPool: &buffers{sync.Pool{New: func() any {
			buffer := make([]byte, 32<<10)
			return &buffer
		}}},
		ErrorLog: log.New(io.Discard, "", 0),
	}
}

func admit(proxy http.Handler, limit int, readsModel bool) http.Handler {
	models := map[string]chan struct{}{"bench": make(chan struct{}, limit)}
	if !readsModel {
		return within(models["bench"], proxy)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var intent struct {
			Model string `json:"model"`
		}
		if err := json.Unmarshal(body, &intent); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		slots, known := models[intent.Model]
		if !known {
			http.Error(w, "no such model", http.StatusNotFound)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		within(slots, proxy).ServeHTTP(w, r)
	})
}

func within(slots chan struct{}, proxy http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
		case <-r.Context().Done():
			return
		}
		defer func() { <-slots }()
		proxy.ServeHTTP(w, r)
	}
}
