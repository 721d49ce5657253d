package guide

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

const (
	bobSecret   = "bobs-secret-key"
	readersRule = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::data"],` +
		`"Condition":{"StringLike":{"s3:prefix":["home/${aws:username}/*"]}}},` +
		`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::data/home/${aws:username}/*"]}]}`
)

// as gives the client an alias for another credential.
func as(mc *harness.MC, alias string, s *harness.Server, access, secret string) {
	mc.OK("alias", "set", alias, s.URL(), access, secret)
}

// TestUsers types all of `mc admin user`, `policy` and `group`, and looks at what
// a user may do after each.
func TestUsers(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/data")
	file := write(t, "file.txt", "hello")
	mc.OK("cp", file, "myminio/data/file.txt")

	mc.OK("admin", "user", "add", "myminio", "bob", bobSecret)
	as(mc, "bob", server, "bob", bobSecret)
	mc.Refused("cat", "bob/data/file.txt")

	mc.OK("admin", "policy", "attach", "myminio", "readonly", "--user", "bob")
	mc.OK("admin", "policy", "attach", "myminio", "readonly", "--user", "bob") // already is: no failure
	if got := mc.OK("cat", "bob/data/file.txt"); got != "hello" {
		t.Errorf("with readonly: %q", got)
	}
	mc.Refused("cp", file, "bob/data/new.txt")
	mc.Refused("ls", "bob/data")
	if got := mc.OK("admin", "user", "policy", "myminio", "bob"); !strings.Contains(got, "s3:GetObject") {
		t.Errorf("user policy: %s", got)
	}
	mc.OK("admin", "policy", "detach", "myminio", "readonly", "--user", "bob")
	mc.Refused("cat", "bob/data/file.txt")

	mc.OK("admin", "policy", "create", "myminio", "homes", write(t, "homes.json", readersRule))
	mc.OK("admin", "group", "add", "myminio", "readers", "bob")
	mc.OK("admin", "policy", "attach", "myminio", "homes", "--group", "readers")
	mc.OK("cp", file, "bob/data/home/bob/file.txt")
	mc.OK("ls", "bob/data/home/bob/")
	mc.Refused("cp", file, "bob/data/home/alice/file.txt")
	mc.Refused("ls", "bob/data/home/alice/")

	for command, wants := range map[string][]string{
		"user list":                       {"bob", "enabled"},
		"user info bob":                   {"bob", "enabled", "readers"},
		"group list":                      {"readers"},
		"group info readers":              {"readers", "enabled", "homes", "bob"},
		"policy list":                     {"consoleAdmin", "diagnostics", "homes", "readonly", "readwrite", "writeonly"},
		"policy info homes":               {"home/${aws:username}"},
		"policy entities --user bob":      {"bob", "readers"},
		"policy entities --group readers": {"readers", "homes"},
		"policy entities --policy homes":  {"readers", "homes"},
		"policy entities":                 {"readers", "homes"},
	} {
		words := append([]string{"admin"}, strings.Fields(command)...)
		words = append(words[:3], append([]string{"myminio"}, words[3:]...)...)
		got := mc.OK(words...)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("mc admin %s does not tell %q:\n%s", command, want, got)
			}
		}
	}

	mc.OK("admin", "group", "disable", "myminio", "readers")
	mc.Refused("ls", "bob/data/home/bob/")
	mc.OK("admin", "group", "enable", "myminio", "readers")
	mc.OK("ls", "bob/data/home/bob/")
	mc.OK("admin", "user", "disable", "myminio", "bob")
	mc.Refused("ls", "bob/data/home/bob/")
	mc.OK("admin", "user", "enable", "myminio", "bob")
	mc.OK("ls", "bob/data/home/bob/")

	mc.Refused("admin", "user", "list", "bob")
	mc.OK("admin", "policy", "attach", "myminio", "consoleAdmin", "--user", "bob")
	mc.OK("admin", "user", "list", "bob")
	mc.OK("admin", "info", "bob")
	mc.OK("admin", "policy", "detach", "myminio", "consoleAdmin", "--user", "bob")

	for command, want := range map[string]string{
		"user add myminio al " + bobSecret:                         "characters",
		"user add myminio alice short":                             "secret key",
		"user info myminio nobody":                                 "user does not exist",
		"group info myminio nobody":                                "group does not exist",
		"group remove myminio readers":                             "not empty",
		"policy info myminio nothing":                              "policy does not exist",
		"policy remove myminio homes":                              "in use",
		"policy attach myminio nothing --user bob":                 "policy does not exist",
		"policy attach myminio homes --user nobody":                "user does not exist",
		"policy create myminio broken " + write(t, "p.json", "{}"): "Statement",
	} {
		if got := mc.Refused(append([]string{"admin"}, strings.Fields(command)...)...); !strings.Contains(got, want) {
			t.Errorf("mc admin %s does not say %q:\n%s", command, want, got)
		}
	}

	mc.OK("admin", "group", "remove", "myminio", "readers", "bob")
	mc.OK("admin", "group", "remove", "myminio", "readers")
	mc.OK("admin", "policy", "remove", "myminio", "homes")
	mc.OK("admin", "user", "remove", "myminio", "bob")
	mc.Refused("cat", "bob/data/file.txt")
}

// madeKey is what `mc --json` tells of a new access key.
type madeKey struct {
	AccessKey string `json:"accessKey"`
	SecretKey string `json:"secretKey"`
}

func parseKey(t *testing.T, out string) madeKey {
	t.Helper()
	var k madeKey
	if err := json.Unmarshal([]byte(out), &k); err != nil || k.AccessKey == "" || k.SecretKey == "" {
		t.Fatalf("%v: %s", err, out)
	}
	return k
}

// TestAccessKeys types all of `mc admin accesskey` and `mc admin user svcacct`.
func TestAccessKeys(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/data")
	file := write(t, "file.txt", "hello")
	mc.OK("cp", file, "myminio/data/file.txt")
	mc.OK("admin", "user", "add", "myminio", "bob", bobSecret)
	mc.OK("admin", "policy", "attach", "myminio", "readwrite", "--user", "bob")
	as(mc, "bob", server, "bob", bobSecret)

	readOnly := write(t, "own.json", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}`)
	for name, create := range map[string][]string{
		"accesskey": {"admin", "accesskey", "create", "bob/", "--json", "--name", "uploads", "--description", "of the uploader"},
		"svcacct":   {"admin", "user", "svcacct", "add", "--json", "--name", "uploads", "myminio", "bob"},
	} {
		verb := func(words ...string) []string {
			if name == "accesskey" {
				return append([]string{"admin", "accesskey"}, words...)
			}
			return append([]string{"admin", "user", "svcacct"}, words...)
		}
		key := parseKey(t, mc.OK(create...))
		alias := "key" + name
		as(mc, alias, server, key.AccessKey, key.SecretKey)
		mc.OK("cp", file, alias+"/data/by-key.txt")

		if got := mc.OK(verb("info", "myminio", key.AccessKey)...); !strings.Contains(got, "bob") || !strings.Contains(got, "uploads") {
			t.Errorf("info: %s", got)
		}
		list := []string{"list", "myminio", "bob"}
		if got := mc.OK(verb(list...)...); !strings.Contains(got, key.AccessKey) {
			t.Errorf("list: %s", got)
		}
		mc.OK(verb("edit", "myminio", key.AccessKey, "--policy", readOnly)...)
		mc.Refused("cp", file, alias+"/data/by-key.txt")
		mc.OK("cat", alias+"/data/file.txt")
		mc.OK(verb("disable", "myminio", key.AccessKey)...)
		mc.Refused("cat", alias+"/data/file.txt")
		mc.OK(verb("enable", "myminio", key.AccessKey)...)
		mc.OK("cat", alias+"/data/file.txt")
		mc.OK(verb("edit", "myminio", key.AccessKey, "--secret-key", "another-secret")...)
		mc.Refused("cat", alias+"/data/file.txt")
		as(mc, alias, server, key.AccessKey, "another-secret")
		mc.OK("cat", alias+"/data/file.txt")
		mc.OK(verb("rm", "myminio", key.AccessKey)...)
		mc.Refused("cat", alias+"/data/file.txt")
		noSuchKey(t, mc, key.AccessKey)
	}

	key := parseKey(t, mc.OK("admin", "accesskey", "create", "myminio/", "bob", "--json", "--policy", readOnly, "--expiry-duration", "24h"))
	if got := mc.OK("admin", "accesskey", "info", "myminio", key.AccessKey, "--json"); !strings.Contains(got, `"expiration"`) || !strings.Contains(got, "s3:GetObject") {
		t.Errorf("info of a key that expires: %s", got)
	}
	before := expiry(t, mc, key.AccessKey)
	mc.OK("admin", "accesskey", "edit", "myminio", key.AccessKey, "--name", "renamed")
	if after := expiry(t, mc, key.AccessKey); after != before || strings.HasPrefix(after, "1970") {
		t.Errorf("another name made the expiry %s of %s", after, before)
	}
	for _, flags := range [][]string{{"--all"}, {"--self"}, {}, {"--all", "--users-only"}, {"--all", "--svcacc-only"}, {"--all", "--temp-only"}} {
		mc.OK(append([]string{"admin", "accesskey", "list", "myminio"}, flags...)...)
	}
	if got := mc.OK("admin", "accesskey", "list", "myminio", "--all"); !strings.Contains(got, key.AccessKey) {
		t.Errorf("list --all: %s", got)
	}
	if got := mc.OK("admin", "accesskey", "list", "bob"); !strings.Contains(got, key.AccessKey) {
		t.Errorf("bob's own list: %s", got)
	}
	root := parseKey(t, mc.OK("admin", "accesskey", "create", "myminio/", "--json"))
	as(mc, "rootkey", server, root.AccessKey, root.SecretKey)
	mc.OK("admin", "info", "rootkey")
	mc.Refused("admin", "accesskey", "rm", "bob", root.AccessKey)
	mc.OK("admin", "user", "remove", "myminio", "bob")
	noSuchKey(t, mc, key.AccessKey)
}

// noSuchKey looks for a key that is gone. The client ends with success and says
// so.
func noSuchKey(t *testing.T, mc *harness.MC, accessKey string) {
	t.Helper()
	if got := mc.Run("admin", "accesskey", "info", "myminio", accessKey).Output(); !strings.Contains(got, "does not exist") {
		t.Errorf("info of a key that is gone: %s", got)
	}
}

// expiry is what the client tells of when a key expires.
func expiry(t *testing.T, mc *harness.MC, accessKey string) string {
	t.Helper()
	out := mc.OK("admin", "accesskey", "info", "myminio", accessKey, "--json")
	var info struct {
		Expiration string `json:"expiration"`
	}
	if err := json.Unmarshal([]byte(out), &info); err != nil || info.Expiration == "" {
		t.Fatalf("%v: %s", err, out)
	}
	return info.Expiration
}
