package harness

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/minio/minio-go/v7/pkg/signer"
)

// TargetInfo is what tests read of a target's state as the admin interface tells
// it; clients show less.
type TargetInfo struct {
	State                 string
	Backlog, BacklogBytes int64
	Delivered, Dropped    int64
	Failed                int64
	Full                  bool
	Spool                 struct {
		Dir                 string
		Segments            int
		Bytes               int64
		Problem, Unwritable string
	}
}

// WebhookInfo asks the server for the state of a webhook target.
func (s *Server) WebhookInfo(t testing.TB, id string) TargetInfo {
	t.Helper()
	return s.TargetInfo(t, "webhook", id)
}

// TargetInfo asks the server for the state of a target, of a type as it is in
// ARNs.
func (s *Server) TargetInfo(t testing.TB, kind, id string) TargetInfo {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/minio/admin/v3/info", nil)
	if err != nil {
		t.Fatal(err)
	}
	const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	req.Header.Set("X-Amz-Content-Sha256", emptySHA256)
	resp, err := http.DefaultClient.Do(signer.SignV4(*req, RootUser, RootPassword, "", "us-east-1"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var info struct {
		Services struct {
			Notifications []map[string][]map[string]TargetInfo
		}
	}
	err = json.NewDecoder(resp.Body).Decode(&info)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", resp.Status)
	}
	if err != nil {
		t.Fatalf("admin info: %v", err)
	}
	for _, kinds := range info.Services.Notifications {
		for _, target := range kinds[kind] {
			if found, ok := target[id]; ok {
				return found
			}
		}
	}
	t.Fatalf("admin info tells of no %s target %s", kind, id)
	return TargetInfo{}
}
