package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestClientReadsAnswersToTheEnd sends every kind of request over one client:
// what one answer leaves behind would break the next.
func TestClientReadsAnswersToTheEnd(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		switch r.URL.Path {
		case "/chunked":
			for i := range 3 {
				_, _ = fmt.Fprintf(w, "piece %d,", i)
				w.(http.Flusher).Flush()
			}
		case "/close":
			w.Header().Set("Connection", "close")
			_, _ = io.WriteString(w, "bye")
		case "/refuse":
			http.Error(w, "no", http.StatusForbidden)
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		default:
			_, _ = fmt.Fprintf(w, "%d bytes", len(body))
		}
	}))
	t.Cleanup(server.Close)
	c := newClient(strings.TrimPrefix(server.URL, "http://"))
	t.Cleanup(c.close)
	for _, test := range []struct {
		path, want string
		size       int
		refused    bool
	}{
		{path: "/plain", want: "0 bytes"},
		{path: "/small", size: smallObject, want: "4096 bytes"},
		{path: "/large", size: 3 * inlineBody, want: "196608 bytes"},
		{path: "/chunked", want: "piece 0,piece 1,piece 2,"},
		{path: "/refuse", want: "no\n", refused: true},
		{path: "/none"},
		{path: "/close", want: "bye"},
		{path: "/plain", want: "0 bytes"},
	} {
		for _, keep := range []bool{false, true} {
			r := &request{method: "PUT", path: test.path, body: make([]byte, test.size), hash: unsignedPayload, keep: keep}
			if err := c.do(r); (err != nil) != test.refused {
				t.Fatalf("%s: error %v, want one: %v", test.path, err, test.refused)
			}
			if (keep || test.refused) && string(c.answer) != test.want {
				t.Errorf("%s: answered %q, want %q", test.path, c.answer, test.want)
			}
		}
	}
}

func TestFloorAnswersAsLongAsTheKeySays(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int{
		keyPath(bucket, smallObject, 7):       smallObject,
		keyPath(bucket, largestObject, 7):     largestObject,
		"/bench":                              0,
		"/bench/word/00000001":                0,
		"/bench/-5/00000001":                  0,
		keyPath(bucket, 2*largestObject, 123): largestObject,
	} {
		w := httptest.NewRecorder()
		newFloor().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK || w.Body.Len() != want {
			t.Errorf("%s: %d with %d bytes, want 200 with %d", path, w.Code, w.Body.Len(), want)
		}
	}
}

func TestNextToken(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]string{
		"<X><NextContinuationToken>a&amp;b=</NextContinuationToken></X>": "a&b=",
		"<X></X>": "",
		"":        "",
	} {
		if got := element([]byte(page), "NextContinuationToken"); got != want {
			t.Errorf("%q: token %q, want %q", page, got, want)
		}
	}
}
