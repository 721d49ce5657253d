package server

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRootCredential(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	user, password := write("user", "filed\n"), write("password", "from-a-file\n")
	envFile := write("env", "# a comment\nexport MINIO_ROOT_USER=\"exported\"\nMINIO_ROOT_PASSWORD='in quotes'\n")
	tests := map[string]struct {
		environ        []string
		user, password string
		isDefault      bool
		warnings       int
		fails          string
	}{
		"none":           {user: "minioadmin", password: "minioadmin", isDefault: true},
		"given":          {environ: []string{"MINIO_ROOT_USER=me!", "MINIO_ROOT_PASSWORD=12345678"}, user: "me!", password: "12345678"},
		"ours wins":      {environ: []string{"MINIO_ROOT_USER=me!", "CARILLON_ROOT_USER=you", "MINIO_ROOT_PASSWORD=12345678"}, user: "you", password: "12345678"},
		"files":          {environ: []string{"MINIO_ROOT_USER_FILE=" + user, "MINIO_ROOT_PASSWORD_FILE=" + password}, user: "filed", password: "from-a-file"},
		"old names":      {environ: []string{"MINIO_ACCESS_KEY=old", "MINIO_SECRET_KEY=12345678"}, user: "old", password: "12345678", warnings: 2},
		"settings file":  {environ: []string{"MINIO_CONFIG_ENV_FILE=" + envFile, "MINIO_ROOT_USER=replaced"}, user: "exported", password: "in quotes"},
		"user alone":     {environ: []string{"MINIO_ROOT_USER=me!"}, fails: "ROOT_PASSWORD"},
		"password alone": {environ: []string{"MINIO_ROOT_PASSWORD=12345678"}, fails: "ROOT_USER"},
		"short user":     {environ: []string{"MINIO_ROOT_USER=me", "MINIO_ROOT_PASSWORD=12345678"}, fails: "at least 3"},
		"short password": {environ: []string{"MINIO_ROOT_USER=me!", "MINIO_ROOT_PASSWORD=1234567"}, fails: "at least 8"},
		"missing file":   {environ: []string{"MINIO_ROOT_USER_FILE=" + dir + "/none"}, fails: "MINIO_ROOT_USER_FILE"},
		"no such settings file": {
			environ: []string{"CARILLON_CONFIG_ENV_FILE=" + dir + "/none"}, fails: "CARILLON_CONFIG_ENV_FILE",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, err := newEnvironment(tt.environ)
			if err == nil {
				root, isDefault, rootErr := env.rootCredential()
				if err = rootErr; err == nil {
					if root.AccessKey != tt.user || root.SecretKey != tt.password || isDefault != tt.isDefault {
						t.Errorf("got %s, %d bytes of secret, default %v", root.AccessKey, len(root.SecretKey), isDefault)
					}
					if len(env.warnings) != tt.warnings {
						t.Errorf("warnings %q", env.warnings)
					}
				}
			}
			switch {
			case tt.fails == "" && err != nil:
				t.Error(err)
			case tt.fails != "" && (!errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), tt.fails)):
				t.Errorf("error %v, want one about %s", err, tt.fails)
			case err != nil && strings.Contains(err.Error(), "1234567"):
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	env, err := newEnvironment([]string{"MINIO_TRUSTED_PROXIES=10.0.0.0/8, 192.168.1.1 ,::1"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := env.trustedProxies()
	if err != nil || len(got) != 3 || got[1].String() != "192.168.1.1/32" {
		t.Errorf("got %v, %v", got, err)
	}
	env, _ = newEnvironment([]string{"MINIO_TRUSTED_PROXIES=proxy.example"})
	if _, err := env.trustedProxies(); !errors.Is(err, ErrUsage) {
		t.Errorf("a name gave %v", err)
	}
}

func TestReserve(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]uint64{"1073741824": 1 << 30, "0": 0, "-1": 0, "1GiB": 1 << 30, "much": 0} {
		env, err := newEnvironment([]string{"CARILLON_RESERVE_BYTES=" + text})
		if err != nil {
			t.Fatal(err)
		}
		got, err := env.reserve()
		if got != want || (want == 0) != errors.Is(err, ErrUsage) {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
}

func TestChooseFolder(t *testing.T) {
	t.Parallel()
	foreign := t.TempDir()
	if err := os.Mkdir(filepath.Join(foreign, ".minio.sys"), 0o700); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "a", "b")
	tests := map[string]struct {
		folders []string
		environ []string
		want    string
		fails   string
	}{
		"one, made":        {folders: []string{fresh}, want: fresh},
		"by variable":      {environ: []string{"MINIO_VOLUMES=" + fresh}, want: fresh},
		"argument wins":    {folders: []string{fresh}, environ: []string{"MINIO_VOLUMES=/nowhere"}, want: fresh},
		"none":             {fails: "name the folder"},
		"several":          {folders: []string{"/a", "/b"}, fails: "join the disks"},
		"several, by name": {environ: []string{"MINIO_VOLUMES=/a /b"}, fails: "join the disks"},
		"expansion":        {folders: []string{"/data{1...4}"}, fails: "join the disks"},
		"address":          {folders: []string{"http://host/data"}, fails: "its own machine"},
		"of MinIO":         {folders: []string{foreign}, fails: "mc mirror"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, err := newEnvironment(tt.environ)
			if err != nil {
				t.Fatal(err)
			}
			got, err := chooseFolder(tt.folders, env)
			if tt.fails != "" {
				if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("got %s, %v; want an error about %q", got, err, tt.fails)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("got %s, %v; want %s", got, err, tt.want)
			}
		})
	}
	entries, err := os.ReadDir(foreign)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder of MinIO was touched: %v, %v", entries, err)
	}
}
