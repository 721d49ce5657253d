package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestSyncFloorKeepsEveryBody puts from many clients at once: whatever was
// answered must be in the file.
func TestSyncFloorKeepsEveryBody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	handler, err := newSyncFloor(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	const clients, puts, size = 8, 20, 512
	var wg sync.WaitGroup
	for id := range clients {
		wg.Go(func() {
			c := newClient(strings.TrimPrefix(server.URL, "http://"))
			defer c.close()
			for n := range puts {
				body := slices.Repeat([]byte{byte(id*puts + n)}, size)
				if err := c.do(&request{method: "PUT", path: keyPath(bucket, size, n), body: body, hash: unsignedPayload}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for body := range slices.Chunk(log, size) {
		if !slices.Equal(body, slices.Repeat(body[:1], size)) {
			t.Error("bodies are mixed")
		}
		got = append(got, int(body[0]))
	}
	slices.Sort(got)
	for n := range clients * puts {
		if n >= len(got) || got[n] != n {
			t.Fatalf("%d bodies, and not body %d", len(got), n)
		}
	}
}
