package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestUploadFails gives an upload answers that a benchmark must not count.
func TestUploadFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		complete string
		failed   bool
	}{
		"completed":        {"<CompleteMultipartUploadResult><ETag>&#34;x-8&#34;</ETag></CompleteMultipartUploadResult>", false},
		"error inside 200": {"<Error><Code>InternalError</Code></Error>", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parts := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				switch {
				case r.URL.Query().Has("uploads"):
					_, _ = io.WriteString(w, "<R><UploadId>a+b/c=</UploadId></R>")
				case r.URL.Query().Get("uploadId") != "a+b/c=":
					t.Errorf("uploadId is %q", r.URL.Query().Get("uploadId"))
				case r.Method == http.MethodPut:
					parts++
					w.Header().Set("ETag", `"part"`)
				default:
					if n := strings.Count(string(body), `<ETag>"part"</ETag>`); n != uploadParts {
						t.Errorf("%d parts are named", n)
					}
					_, _ = io.WriteString(w, test.complete)
				}
			}))
			t.Cleanup(server.Close)
			c := newClient(strings.TrimPrefix(server.URL, "http://"))
			t.Cleanup(c.close)
			if err := upload(c, "/bucket/key", make([]byte, 100), unsignedPayload); (err != nil) != test.failed {
				t.Errorf("error %v, want one: %v", err, test.failed)
			}
			if parts != uploadParts {
				t.Errorf("%d parts were sent", parts)
			}
		})
	}
}
