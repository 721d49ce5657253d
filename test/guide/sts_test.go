package guide

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/carillon-s3/carillon/test/harness"
)

const onlyOne = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::one","arn:aws:s3:::one/*"]}]}`

// session returns a client with temporary credentials, and those.
func session(t *testing.T, s *harness.Server, c *credentials.Credentials) (*minio.Client, credentials.Value) {
	t.Helper()
	v, err := c.GetWithContext(nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := minio.New(s.Address, &minio.Options{Creds: c, MaxRetries: 1})
	if err != nil {
		t.Fatal(err)
	}
	return client, v
}

func codeOf(err error) string { return minio.ToErrorResponse(err).Code }

// TestTemporaryCredentials: programs get them with minio-go and use them in every
// way; mc uses them in an alias of the environment; they hold after a restart and
// end with their user.
func TestTemporaryCredentials(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/one", "myminio/two")
	mc.OK("admin", "user", "add", "myminio", "bob", bobSecret)
	mc.OK("admin", "policy", "attach", "myminio", "readwrite", "--user", "bob")
	made, err := credentials.NewSTSAssumeRole(server.URL(), credentials.STSAssumeRoleOptions{AccessKey: "bob", SecretKey: bobSecret, Policy: onlyOne})
	if err != nil {
		t.Fatal(err)
	}
	client, v := session(t, server, made)
	ctx := t.Context()
	put := func(bucket string) error {
		_, err := client.PutObject(ctx, bucket, "key", strings.NewReader("hello"), 5, minio.PutObjectOptions{})
		return err
	}
	if err := put("one"); err != nil {
		t.Fatal(err)
	}
	if err := put("two"); codeOf(err) != "AccessDenied" {
		t.Errorf("beyond the session's policy: %v", err)
	}
	presigned, err := client.PresignedGetObject(ctx, "one", "key", time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, status := fetch(t, presigned.String()); body != "hello" {
		t.Errorf("presigned: %d %s", status, body)
	}
	query := presigned.Query()
	query.Set("X-Amz-Security-Token", v.SessionToken+"x")
	presigned.RawQuery = query.Encode()
	if body, status := fetch(t, presigned.String()); status != http.StatusBadRequest || !strings.Contains(body, "InvalidToken") {
		t.Errorf("presigned with another token: %d %s", status, body)
	}
	for name, c := range map[string]struct {
		creds *credentials.Credentials
		want  string
	}{
		"without the token":     {credentials.NewStaticV4(v.AccessKeyID, v.SecretAccessKey, ""), "InvalidAccessKeyId"},
		"with a changed token":  {credentials.NewStaticV4(v.AccessKeyID, v.SecretAccessKey, v.SessionToken+"x"), "InvalidToken"},
		"with another secret":   {credentials.NewStaticV4(v.AccessKeyID, "wrong-secret", v.SessionToken), "SignatureDoesNotMatch"},
		"the user with a token": {credentials.NewStaticV4("bob", bobSecret, v.SessionToken), "InvalidToken"},
	} {
		other, err := minio.New(server.Address, &minio.Options{Creds: c.creds, MaxRetries: 1, Region: "us-east-1"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.StatObject(ctx, "one", "key", minio.StatObjectOptions{}); (err == nil) != (c.want == "") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := other.GetBucketVersioning(ctx, "one"); codeOf(err) != c.want && (err != nil || c.want != "") {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	mc.Setenv("MC_HOST_temp=http://" + v.AccessKeyID + ":" + v.SecretAccessKey + ":" + v.SessionToken + "@" + server.Address)
	if got := mc.OK("cat", "temp/one/key"); got != "hello" {
		t.Errorf("mc: %q", got)
	}
	mc.Refused("ls", "temp/two")
	mc.Refused("admin", "user", "svcacct", "add", "temp", "bob")

	server.Terminate()
	server.Restart()
	if err := put("one"); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	mc.OK("admin", "user", "disable", "myminio", "bob")
	if err := put("one"); codeOf(err) != "InvalidAccessKeyId" {
		t.Errorf("of a disabled user: %v", err)
	}
	mc.OK("admin", "user", "enable", "myminio", "bob")
	mc.OK("admin", "user", "remove", "myminio", "bob")
	mc.OK("admin", "user", "add", "myminio", "bob", bobSecret)
	mc.OK("admin", "policy", "attach", "myminio", "readwrite", "--user", "bob")
	if err := put("one"); codeOf(err) != "InvalidAccessKeyId" {
		t.Errorf("of another user of the same name: %v", err)
	}
}

func fetch(t *testing.T, address string) (string, int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), resp.StatusCode
}

// envOIDC names the issuer of test/tools/oidc.
const envOIDC = "CARILLON_OIDC"

// startIssuer starts it and returns its URL, which ends in a slash.
func startIssuer(t *testing.T) string {
	t.Helper()
	address := harness.FreeAddress(t)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, harness.Tool(t, envOIDC, "oidc/*/oidc"), address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	issuer := "http://" + address + "/"
	harness.Poll(t, "the issuer", func() error {
		resp, err := http.Get(issuer + ".well-known/openid-configuration")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	})
	return issuer
}

// logIn is what a browser and a program do to get an ID token of the user.
func logIn(t *testing.T, issuer string) string {
	t.Helper()
	document, status := fetch(t, issuer+".well-known/openid-configuration")
	var endpoints struct {
		Authorize string `json:"authorization_endpoint"`
		Token     string `json:"token_endpoint"`
	}
	if err := json.Unmarshal([]byte(document), &endpoints); err != nil || status != http.StatusOK {
		t.Fatalf("discovery: %d %s", status, document)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/done" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	resp, err := browser.Get(endpoints.Authorize + "?" + url.Values{
		"client_id": {"carillon"}, "redirect_uri": {issuer + "done"}, "response_type": {"code"}, "scope": {"openid profile email"}, "state": {"x"},
	}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	id := resp.Request.URL.Query().Get("authRequestID")
	resp, err = browser.PostForm(issuer+"login/username", url.Values{"id": {id}, "username": {"test-user2"}, "password": {"verysecure"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("the login ended at %s with %s: %v", resp.Request.URL, resp.Status, err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoints.Token, strings.NewReader(url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {issuer + "done"},
	}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("carillon", "client-secret")
	resp, err = browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var tokens struct {
		ID string `json:"id_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&tokens); err != nil || tokens.ID == "" {
		t.Fatalf("no ID token: %s, %v", resp.Status, err)
	}
	return tokens.ID
}

// TestWebIdentity: a user of a real OpenID Connect issuer, whom the server knows by
// its variables or its settings, reaches a home of its own.
func TestWebIdentity(t *testing.T) {
	t.Parallel()
	issuer := startIssuer(t)
	server := harness.Start(t, harness.Options{Env: []string{
		"MINIO_IDENTITY_OPENID_CONFIG_URL=" + issuer + ".well-known/openid-configuration", "MINIO_IDENTITY_OPENID_CLIENT_ID=carillon",
		"MINIO_IDENTITY_OPENID_CLIENT_SECRET=client-secret", "MINIO_IDENTITY_OPENID_ROLE_POLICY=homes",
	}})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/data")
	home := strings.ReplaceAll(readersRule, "${aws:username}", "${jwt:sub}")
	mc.OK("admin", "policy", "create", "myminio", "homes", write(t, "homes.json", home))
	token := logIn(t, issuer)
	made, err := credentials.NewSTSWebIdentity(server.URL(), func() (*credentials.WebIdentityToken, error) {
		return &credentials.WebIdentityToken{Token: token}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	client, v := session(t, server, made)
	for key, want := range map[string]string{"home/id2/file": "", "home/id1/file": "AccessDenied"} {
		_, err := client.PutObject(t.Context(), "data", key, strings.NewReader("hello"), 5, minio.PutObjectOptions{})
		if codeOf(err) != want && (err != nil || want != "") {
			t.Errorf("%s: %v", key, err)
		}
	}
	mc.Setenv("MC_HOST_temp=http://" + v.AccessKeyID + ":" + v.SecretAccessKey + ":" + v.SessionToken + "@" + server.Address)
	if got := mc.OK("cat", "temp/data/home/id2/file"); got != "hello" {
		t.Errorf("mc: %q", got)
	}
	if got := mc.OK("admin", "config", "get", "myminio", "identity_openid"); !strings.Contains(got, "MINIO_IDENTITY_OPENID_CLIENT_ID=carillon") || strings.Contains(got, "client-secret") {
		t.Errorf("config get: %s", got)
	}

	// A server that learns of the issuer while it runs.
	other := harness.Start(t, harness.Options{})
	mc.Alias("other", other)
	mc.OK("admin", "config", "set", "other", "identity_openid", "config_url="+issuer+".well-known/openid-configuration", "client_id=carillon", "role_policy=readwrite")
	later, err := credentials.NewSTSWebIdentity(other.URL(), func() (*credentials.WebIdentityToken, error) {
		return &credentials.WebIdentityToken{Token: token}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	client, _ = session(t, other, later)
	if err := client.MakeBucket(t.Context(), "made", minio.MakeBucketOptions{}); err != nil {
		t.Error(err)
	}
}

// TestMoveUsers: `mc admin cluster iam` takes users, with their secrets, from one
// server to another.
func TestMoveUsers(t *testing.T) {
	t.Parallel()
	from, to := harness.Start(t, harness.Options{}), harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("from", from).Alias("to", to)
	mc.OK("mb", "to/data")
	mc.OK("admin", "user", "add", "from", "bob", bobSecret)
	mc.OK("admin", "policy", "attach", "from", "readwrite", "--user", "bob")
	mc.OK("admin", "user", "svcacct", "add", "from", "bob", "--access-key", "bobs-key", "--secret-key", "bobs-key-secret")
	file := filepath.Join(t.TempDir(), "iam.zip")
	mc.OK("admin", "cluster", "iam", "export", "from", "--output", file)
	if got := mc.OK("admin", "cluster", "iam", "import", "to", file); !strings.Contains(got, "bob") {
		t.Errorf("import tells %s", got)
	}
	as(mc, "bob", to, "bob", bobSecret)
	as(mc, "key", to, "bobs-key", "bobs-key-secret")
	mc.OK("cp", file, "bob/data/one")
	mc.OK("cp", file, "key/data/two")

	// Bob changes its own password.
	mc.OK("admin", "user", "add", "bob", "bob", "a-new-secret-key")
	mc.Refused("ls", "bob/data")
	as(mc, "bob", to, "bob", "a-new-secret-key")
	mc.OK("ls", "bob/data")
	mc.Refused("admin", "user", "add", "bob", "alice", "alices-secret")
}
