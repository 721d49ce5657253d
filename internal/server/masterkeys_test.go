package server

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMasterKeys(t *testing.T) {
	t.Parallel()
	const key, other = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "/////////////////////////////////////////w8="
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	keysFile, emptyFile := write("keys", "new:"+other+"\nold:"+key+"\n"), write("empty", "\n")
	for name, test := range map[string]struct {
		environ []string
		names   string
		auto    bool
		fails   string
	}{
		"none":              {},
		"one":               {environ: []string{"MINIO_KMS_SECRET_KEY=my-key:" + key}, names: "my-key"},
		"several":           {environ: []string{"MINIO_KMS_SECRET_KEY=new:" + other + ",old:" + key}, names: "new old"},
		"of a file":         {environ: []string{"MINIO_KMS_SECRET_KEY_FILE=" + keysFile}, names: "new old"},
		"ours wins":         {environ: []string{"MINIO_KMS_SECRET_KEY=x:" + key, "CARILLON_KMS_SECRET_KEY=y:" + key}, names: "y"},
		"for all":           {environ: []string{"MINIO_KMS_SECRET_KEY=x:" + key, "MINIO_KMS_AUTO_ENCRYPTION=on"}, names: "x", auto: true},
		"for none":          {environ: []string{"MINIO_KMS_SECRET_KEY=x:" + key, "MINIO_KMS_AUTO_ENCRYPTION=off"}, names: "x"},
		"no name":           {environ: []string{"MINIO_KMS_SECRET_KEY=" + key}, fails: "MINIO_KMS_SECRET_KEY"},
		"short":             {environ: []string{"CARILLON_KMS_SECRET_KEY=x:AAECAwQF"}, fails: "CARILLON_KMS_SECRET_KEY"},
		"no base64":         {environ: []string{"MINIO_KMS_SECRET_KEY=x:AAEC!"}, fails: "MINIO_KMS_SECRET_KEY"},
		"twice":             {environ: []string{"MINIO_KMS_SECRET_KEY=x:" + key + ",x:" + other}, fails: "MINIO_KMS_SECRET_KEY"},
		"missing file":      {environ: []string{"MINIO_KMS_SECRET_KEY_FILE=" + dir + "/none"}, fails: "MINIO_KMS_SECRET_KEY_FILE"},
		"empty file":        {environ: []string{"MINIO_KMS_SECRET_KEY_FILE=" + emptyFile}, fails: "MINIO_KMS_SECRET_KEY_FILE"},
		"for all, no key":   {environ: []string{"MINIO_KMS_AUTO_ENCRYPTION=on"}, fails: "MINIO_KMS_AUTO_ENCRYPTION"},
		"for all, or maybe": {environ: []string{"MINIO_KMS_SECRET_KEY=x:" + key, "MINIO_KMS_AUTO_ENCRYPTION=maybe"}, fails: "MINIO_KMS_AUTO_ENCRYPTION"},
	} {
		env, err := newEnvironment(test.environ)
		if err != nil {
			t.Fatal(err)
		}
		keys, auto, err := env.masterKeys()
		if got := strings.Join(keys.Names(), " "); err == nil && (got != test.names || auto != test.auto) {
			t.Errorf("%s: keys %s, for all %v", name, got, auto)
		}
		switch {
		case test.fails == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.fails != "" && (!errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), test.fails)):
			t.Errorf("%s: error %v, want one about %s", name, err, test.fails)
		case err != nil && (strings.Contains(err.Error(), "AAEC") || strings.Contains(err.Error(), "////")):
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
}
