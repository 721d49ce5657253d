package s3api

import (
	"io"
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// FuzzPostForm: no form and no policy panics, takes more memory than the bounds
// say, or gives a file without end.
func FuzzPostForm(f *testing.F) {
	f.Add("multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n"+
		"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\r\n--B--\r\n",
		"eyJleHBpcmF0aW9uIjoiMjA5OS0wMS0wMVQwMDowMDowMFoiLCJjb25kaXRpb25zIjpbWyJlcSIsIiRrZXkiLCJrIl0sWyJjb250ZW50LWxlbmd0aC1yYW5nZSIsMSwyXV19")
	f.Add("multipart/form-data; boundary=\"\"", "", "e30=")
	f.Fuzz(func(t *testing.T, kind, body, policy string) {
		if p, err := parsePostPolicy(policy); err == nil {
			_ = p.check(map[string]string{"key": "k"}, time.Unix(0, 0))
		}
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/bkt", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		form, err := readForm(r)
		if err != nil {
			return
		}
		_, _ = form.key()
		_ = form.header(r.Header)
		if n, _ := io.Copy(io.Discard, &formFile{Reader: form.file, most: math.MaxInt64}); n > int64(len(body)) {
			t.Errorf("a file of %d bytes in a form of %d", n, len(body))
		}
	})
}
