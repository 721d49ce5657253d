package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestSinkCountsEachEventOnce delivers an event twice, an event of an earlier
// cell and one of a target that is not watched.
func TestSinkCountsEachEventOnce(t *testing.T) {
	t.Parallel()
	s, err := newSink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	s.watch(2, 10)
	for _, delivery := range []struct{ target, number int }{{0, 10}, {0, 10}, {1, 10}, {0, 11}, {0, 9}, {2, 10}} {
		deliver(t, s, delivery.target, delivery.number)
	}
	if err := s.await(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if s.seen != 3 {
		t.Errorf("%d events seen, want 3", s.seen)
	}
}

func TestSinkComesBack(t *testing.T) {
	t.Parallel()
	s, err := newSink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.close()
	if err := s.open(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	s.watch(1, 0)
	deliver(t, s, 0, 5)
	if s.seen != 1 {
		t.Errorf("%d events seen, want 1", s.seen)
	}
}

func deliver(t *testing.T, s *sink, target, number int) {
	t.Helper()
	body := fmt.Sprintf(`{"EventName":"s3:ObjectCreated:Put","Key":"bench/4096/%08d","Records":[{}]}`, number)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("http://%s/%d", s.address, target), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("answered %d, close: %v", answer.StatusCode, err)
	}
}
