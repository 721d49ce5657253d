package guide

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// Master keys, as an operator makes them: name and 32 random bytes.
func masterKey(t *testing.T, name string) string {
	t.Helper()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	return name + ":" + base64.StdEncoding.EncodeToString(secret)
}

// holds reports whether any file below dir has text in it.
func holds(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found = found || bytes.Contains(content, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestEncryptionCommands types the commands of the client that have to do with
// encryption, takes a new master key, and loses the old one.
func TestEncryptionCommands(t *testing.T) {
	t.Parallel()
	receiver := harness.NewReceiver(t)
	authority, certs := harness.NewAuthority(t), t.TempDir()
	authority.Issue(certs, "127.0.0.1")
	first, second := masterKey(t, "first-key"), masterKey(t, "second-key")
	server := harness.Start(t, harness.Options{
		Args: []string{"--certs-dir", certs}, Authority: authority,
		Env: append(harness.WebhookEnv("1", receiver.URL()), "MINIO_KMS_SECRET_KEY="+first),
	})
	mc := harness.NewMC(t).Trust(authority).Alias("myminio", server)
	shows := func(want string, args ...string) {
		t.Helper()
		if got := mc.OK(args...); !strings.Contains(got, want) {
			t.Errorf("mc %s shows %q, want %q in it", strings.Join(args, " "), got, want)
		}
	}
	mc.OK("mb", "myminio/docs")
	mc.OK("event", "add", "myminio/docs", harness.WebhookARN("1"), "--event", "put")

	mc.Refused("encrypt", "info", "myminio/docs")
	mc.OK("encrypt", "set", "sse-s3", "myminio/docs")
	shows("'sse-s3' is enabled", "encrypt", "info", "myminio/docs")
	const small = "myminio/docs/small.txt"
	mc.OK("cp", write(t, "small.txt", "something secret\n"), small)
	shows("SSE-S3", "stat", small)
	shows("something secret\n", "cat", small)
	mc.Refused("encrypt", "set", "sse-kms", "no-such-key", "myminio/docs")
	mc.OK("encrypt", "set", "sse-kms", "first-key", "myminio/docs")
	shows("KeyID: first-key", "encrypt", "info", "myminio/docs")
	big := write(t, "big.txt", strings.Repeat("a large secret, in parts\n", 800_000))
	mc.OK("cp", big, "myminio/docs/big.txt")
	shows("SSE-KMS", "stat", "myminio/docs/big.txt")
	mc.OK("encrypt", "clear", "myminio/docs")
	mc.OK("cp", write(t, "plain.txt", "nothing to hide\n"), "myminio/docs/plain.txt")

	secret := strings.TrimRight(base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef")), "=")
	withKey := "myminio/docs=" + secret
	const mine = "myminio/docs/mine.txt"
	mc.OK("cp", "--enc-c", withKey, write(t, "mine.txt", "for my eyes only\n"), mine)
	shows("for my eyes only\n", "cat", "--enc-c", withKey, mine)
	mc.Refused("cat", mine)
	mc.Refused("cat", "--enc-c", "myminio/docs="+strings.TrimRight(base64.StdEncoding.EncodeToString(make([]byte, 32)), "="), mine)
	mc.OK("cp", "--enc-s3", "myminio/docs/to-s3", "myminio/docs/plain.txt", "myminio/docs/to-s3/plain.txt")
	shows("SSE-S3", "stat", "myminio/docs/to-s3/plain.txt")
	mc.OK("cp", "--enc-kms", "myminio/docs/to-kms=first-key", "myminio/docs/plain.txt", "myminio/docs/to-kms/plain.txt")
	shows("SSE-KMS (arn:aws:kms:first-key)", "stat", "myminio/docs/to-kms/plain.txt")

	for _, key := range []string{"docs/small.txt", "docs/big.txt", "docs/mine.txt"} {
		d := receiver.WaitKey(t, key)
		if strings.Contains(string(d.Body), secret) {
			t.Errorf("the event of %s has the customer's key in it", key)
		}
	}
	shows("Encryption", "admin", "kms", "key", "status", "myminio")
	shows("first-key", "admin", "kms", "key", "list", "myminio")
	mc.Refused("admin", "kms", "key", "create", "myminio", "third-key")

	server.Kill()
	for _, text := range []string{"something secret", "a large secret", "for my eyes only", strings.SplitN(first, ":", 2)[1], secret} {
		if holds(t, server.Dir, text) {
			t.Errorf("%q lies on the disk in clear", text)
		}
	}
	if !holds(t, server.Dir, "nothing to hide") {
		t.Error("what is not encrypted is not found either: the search finds nothing")
	}

	// A new key goes before the old one; objects are put under it by copying them
	// to themselves.
	server.Restart("MINIO_KMS_SECRET_KEY=" + second + "," + first)
	shows("something secret\n", "cat", small)
	shows("second-key", "admin", "kms", "key", "status", "myminio")
	mc.OK("cp", "--enc-s3", small, small, small)
	mc.OK("cp", "myminio/docs/big.txt", big+".back")
	if want, got := read(t, big), read(t, big+".back"); want != got {
		t.Error("the large object came back as another")
	}
	server.Terminate()
	server.Restart("MINIO_KMS_SECRET_KEY=" + second)
	shows("something secret\n", "cat", small)
	shows("for my eyes only\n", "cat", "--enc-c", withKey, mine)
	mc.Refused("cat", "myminio/docs/big.txt") // its key is gone
	for _, s := range []string{strings.SplitN(first, ":", 2)[1], strings.SplitN(second, ":", 2)[1], secret} {
		if strings.Contains(server.Output.String(), s) {
			t.Error("a key was printed")
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
