package s3api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/signer"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/kv/memory"
	"github.com/carillon-s3/carillon/internal/object"
)

// plainSealer leaves secrets as they are.
type plainSealer struct{}

func (plainSealer) Seal(_ string, plain []byte) ([]byte, error)  { return plain, nil }
func (plainSealer) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }

// userSite is a site with the user bob, who has the policy rights, and bob's
// access key bobs-key.
type userSite struct {
	*site
	identities *iam.Store
}

func newUserSite(t *testing.T) *userSite {
	t.Helper()
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	ids, err := iam.OpenStore(t.Context(), iam.StoreConfig{
		KV: store, Root: iam.Credential{AccessKey: accessKey, SecretKey: secretKey}, Sealer: plainSealer{},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &userSite{identities: ids, site: newSite(t, func(c *s3api.Config) {
		c.Verifier = iam.New(iam.Config{Credentials: ids, Sessions: ids})
	})}
	s.bucket(t, "bkt")
	s.rights(t, `"Action":"s3:*"`)
	if err := ids.PutUser(t.Context(), "bob", secretKey, true); err != nil {
		t.Fatal(err)
	}
	if _, err := ids.AttachPolicies(t.Context(), iam.Holder{User: "bob"}, []string{"rights"}); err != nil {
		t.Fatal(err)
	}
	if _, err := ids.AddAccessKey(t.Context(), iam.NewAccessKey{Parent: "bob", AccessKey: "bobs-key", SecretKey: secretKey}); err != nil {
		t.Fatal(err)
	}
	return s
}

// rights are what bob may do with everything.
func (s *userSite) rights(t *testing.T, element string) {
	t.Helper()
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + element + `,"Resource":"arn:aws:s3:::*"}]}`
	if err := s.identities.PutPolicy(t.Context(), "rights", []byte(document)); err != nil {
		t.Fatal(err)
	}
}

// as sends a request signed by an access key.
func (s *userSite) as(t *testing.T, who, method, path string, header map[string]string) (status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	r.Header.Set("X-Amz-Content-Sha256", emptyHash)
	resp, err := s.transport.RoundTrip(signer.SignV4(*r, who, secretKey, "", "us-east-1"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// TestEveryRouteIsGuardedFromUsers walks the table: each operation refuses a user
// and its access key who may do everything but its action, and lets them through
// with that action alone.
func TestEveryRouteIsGuardedFromUsers(t *testing.T) {
	t.Parallel()
	s := newUserSite(t)
	for _, route := range s3api.RoutesForTest() {
		if route.Operation == "PostObject" {
			continue // signed by its form
		}
		header := map[string]string{}
		if route.Header != "" {
			header[route.Header] = "bkt/key"
		}
		action, err := json.Marshal(route.Action)
		if err != nil {
			t.Fatal(err)
		}
		for _, who := range []string{"bob", "bobs-key"} {
			s.rights(t, `"NotAction":`+string(action))
			if got := s.as(t, who, route.Method, route.Path, header); got != http.StatusForbidden {
				t.Errorf("%s by %s without %s: %d", route.Operation, who, route.Action, got)
			}
			if strings.HasPrefix(route.Operation, "Listen") {
				continue // its answer has no end
			}
			s.rights(t, `"Action":[`+string(action)+`,"s3:ListBucket","s3:GetObject"]`)
			if got := s.as(t, who, route.Method, route.Path, header); got == http.StatusForbidden {
				t.Errorf("%s by %s with %s: %d", route.Operation, who, route.Action, got)
			}
			if route.Operation == "DeleteBucket" {
				s.bucket(t, "bkt")
			}
		}
	}
}

// TestBucketDeniesUser: a bucket's policy denies what the user's grants.
func TestBucketDeniesUser(t *testing.T) {
	t.Parallel()
	s := newUserSite(t)
	s.store(t, "bkt", "k", "body", nil)
	if got := s.as(t, "bob", "GET", "/bkt/k", nil); got != http.StatusOK {
		t.Errorf("before: %d", got)
	}
	s.setPolicy(t, `{"Statement":[{"Effect":"Deny","Principal":{"AWS":["bob"]},"Action":"s3:GetObject","Resource":"arn:aws:s3:::bkt/*"}]}`)
	for _, who := range []string{"bob", "bobs-key"} {
		if got := s.as(t, who, "GET", "/bkt/k", nil); got != http.StatusForbidden {
			t.Errorf("%s: %d", who, got)
		}
	}
}

// TestEventsNameTheUser: the principal of an event is the user, for an access key
// and a session its parent.
func TestEventsNameTheUser(t *testing.T) {
	t.Parallel()
	s := newUserSite(t)
	filter, err := event.ParseListen("bkt", url.Values{"events": {"s3:ObjectCreated:*"}})
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 16)
	ready, ended := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer func() { cancel(); <-ended }()
	go func() {
		defer close(ended)
		_ = s.service.Listen(ctx, object.ListenInput{Filter: filter}, func() { close(ready) },
			func(h object.Heard) error {
				if h.Record != nil {
					heard <- h.Record.Request.Principal
				}
				return nil
			})
	}()
	<-ready
	for who, want := range map[string]string{accessKey: accessKey, "bob": "bob", "bobs-key": "bob"} {
		if got := s.as(t, who, "PUT", "/bkt/k", nil); got != http.StatusOK {
			t.Fatalf("%s: %d", who, got)
		}
		if got := <-heard; got != want {
			t.Errorf("the event of %s names %q", who, got)
		}
	}
	bob, _ := s.identities.Lookup("bob")
	ofUser, err := s.identities.AssumeRole(bob.Principal(), iam.SessionRequest{})
	if err != nil {
		t.Fatal(err)
	}
	ofWeb, err := s.identities.AssumeWebIdentity(iam.WebIdentity{Subject: "alice", Policies: []string{"rights"}}, iam.SessionRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for want, of := range map[string]iam.Session{"bob": ofUser, "openid:alice": ofWeb} {
		c, err := minio.New(strings.TrimPrefix(s.URL, "http://"), &minio.Options{
			Creds: credentials.NewStaticV4(of.AccessKey, of.SecretKey, of.Token), Region: "us-east-1", MaxRetries: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.PutObject(ctx, "bkt", "k", strings.NewReader(""), 0, minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := <-heard; got != want {
			t.Errorf("the event of a session of %s names %q", want, got)
		}
	}
}
