// Command receiver answers every POST with 200 and prints the event that came:
// something for a webhook target to talk to.
//
//	go run ./test/receiver [address]
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

// maxBody bounds what is read of one event.
const maxBody = 1 << 20

func main() {
	address := "127.0.0.1:3000"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	server := &http.Server{Addr: address, Handler: http.HandlerFunc(receive), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var event struct{ EventName, Key string }
	if err := json.Unmarshal(body, &event); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Println(r.Header.Get("webhook-id"), event.EventName, event.Key)
}
