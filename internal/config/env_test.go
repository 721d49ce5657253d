package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseEnvFile(t *testing.T) {
	t.Parallel()
	got, err := ParseEnvFile("# comment\n\nMINIO_ROOT_USER=admin\nexport A=\"two words\"\n B='x=y' \nC=\nD=\"\n")
	want := Env{"MINIO_ROOT_USER": "admin", "A": "two words", "B": "x=y", "C": "", "D": `"`}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for text, want := range map[string]string{"A=1\nnonsense": "line 2 is not NAME=value", "=x": "line 1 is not NAME=value", "a b=c": "line 1 is not NAME=value"} {
		if _, err := ParseEnvFile(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	env := ParseEnv([]string{
		"PATH=/bin", "MINIO_ROOT_USER=a", "MINIO_ROOT_USR=a", "CARILLON_NOTIFY_SAMPLE_ENABLE_1=on", "MINIO_NOTIFY_SAMPLE_ENDPOINT_1=x",
		"MINIO_NOTIFY_SAMPLE_ENDPIONT_1=x", "CARILLON_NOTIFY_SAMPLE_QUEUE_DIR_2=x", "MINIO_NOTIFY_SAMPLE_QUALITY=1", "MINIO_SITE_REGION=eu",
		"MINIO_NOTIFY_SAMPLE_AUTH_TOKN=hunter2", "MINIO_KMS_SECRET_KEY=x",
	})
	store := newKV(t)
	s, err := Open(t.Context(), StoreOptions{Registry: sampleRegistry(t), KV: store, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"the environment variable CARILLON_NOTIFY_SAMPLE_QUEUE_DIR_2 is ignored: without CARILLON_NOTIFY_SAMPLE_ENABLE_2 there is no such instance",
		"the environment variable MINIO_KMS_SECRET_KEY is not known and ignored",
		"the environment variable MINIO_NOTIFY_SAMPLE_AUTH_TOKN is not known and ignored, did you mean MINIO_NOTIFY_SAMPLE_AUTH_TOKEN?",
		"the environment variable MINIO_NOTIFY_SAMPLE_ENDPIONT_1 is not known and ignored, did you mean MINIO_NOTIFY_SAMPLE_ENDPOINT_1?",
		"the environment variable MINIO_ROOT_USR is not known and ignored, did you mean MINIO_ROOT_USER?",
	}
	if diff := cmp.Diff(want, s.Registry().Unknown(env, []string{"ROOT_USER"}, s.All())); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
