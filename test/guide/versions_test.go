package guide

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/carillon-s3/carillon/test/harness"
)

// listedVersion is a line of `mc ls --versions --json`.
type listedVersion struct {
	Key       string `json:"key"`
	VersionID string `json:"versionId"`
	Marker    bool   `json:"isDeleteMarker"`
	Size      int64  `json:"size"`
}

// versions are what `mc ls --versions` lists, newest first.
func versions(t *testing.T, mc *harness.MC, target string) []listedVersion {
	t.Helper()
	var out []listedVersion
	for line := range strings.Lines(mc.OK("ls", "--json", "--versions", "-r", target)) {
		var v listedVersion
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		out = append(out, v)
	}
	return out
}

// TestVersionCommands types the commands of the client that have to do with
// versions.
func TestVersionCommands(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	shows := func(want string, args ...string) {
		t.Helper()
		if got := mc.OK(args...); !strings.Contains(got, want) {
			t.Errorf("mc %s shows %q, want %q in it", strings.Join(args, " "), got, want)
		}
	}
	mc.OK("mb", "myminio/docs")
	shows("un-versioned", "version", "info", "myminio/docs")
	mc.OK("version", "enable", "myminio/docs")
	shows("versioning is enabled", "version", "info", "myminio/docs")
	mc.Refused("version", "enable", "myminio/docs", "--excluded-prefixes", "tmp/")

	const key = "myminio/docs/a/note.txt"
	mc.OK("cp", write(t, "note.txt", "first\n"), key)
	mc.OK("cp", write(t, "note.txt", "second, longer\n"), key)
	listed := versions(t, mc, "myminio/docs")
	if len(listed) != 2 || listed[0].Size != 15 || listed[1].Size != 6 {
		t.Fatalf("two versions are listed as %+v", listed)
	}
	first, second := listed[1].VersionID, listed[0].VersionID
	shows("second, longer\n", "cat", key)
	shows("first\n", "cat", "--version-id", first, key)
	shows(first, "stat", "--version-id", first, key)
	shows("6 B", "stat", "--version-id", first, key)
	got := filepath.Join(t.TempDir(), "got.txt")
	mc.OK("cp", "--version-id", first, key, got)
	if b, err := os.ReadFile(got); err != nil || string(b) != "first\n" {
		t.Errorf("mc cp --version-id gave %q, %v", b, err)
	}
	mc.OK("cp", "--version-id", first, key, "myminio/docs/a/restored.txt")
	shows("first\n", "cat", "myminio/docs/a/restored.txt")
	shows("DEL", "ls", "--versions", afterRemoving(t, mc, key))
	mc.Refused("stat", key)
	if got := mc.OK("ls", "-r", "myminio/docs"); strings.Contains(got, "note.txt") {
		t.Errorf("a key with a marker is listed: %s", got)
	}
	mc.OK("undo", key) // the marker
	shows("second, longer\n", "cat", key)
	mc.OK("undo", key) // the second version
	shows("first\n", "cat", key)
	mc.Refused("stat", "--version-id", second, key)
	mc.OK("rm", "--version-id", first, key)
	mc.Refused("stat", key)

	mc.OK("version", "suspend", "myminio/docs")
	shows("versioning is suspended", "version", "info", "myminio/docs")
	mc.OK("cp", write(t, "note.txt", "null\n"), key)
	mc.OK("cp", write(t, "note.txt", "null again\n"), key)
	if listed := versions(t, mc, key); len(listed) != 1 || listed[0].VersionID != "null" {
		t.Errorf("while suspended: %+v", listed)
	}
	mc.OK("rm", key)
	mc.Refused("rb", "myminio/docs")
	mc.OK("rm", "-r", "--versions", "--force", "myminio/docs")
	if listed := versions(t, mc, "myminio/docs"); len(listed) != 0 {
		t.Errorf("after rm --versions: %+v", listed)
	}
	mc.OK("rb", "myminio/docs")
}

// afterRemoving removes what target names, and returns it.
func afterRemoving(t *testing.T, mc *harness.MC, target string) string {
	t.Helper()
	mc.OK("rm", target)
	return target
}

// mirrored is what the hash holds of a key.
type mirrored struct{ ETag, VersionID string }

// TestRedisMirrorsVersions does random things to few keys with versions: then the
// hash of a namespace target shows just what GET shows.
func TestRedisMirrorsVersions(t *testing.T) {
	t.Parallel()
	broker, cli := guideRedis(t)
	server := harness.Start(t, harness.Options{Env: []string{
		"MINIO_NOTIFY_REDIS_ENABLE_1=on", "MINIO_NOTIFY_REDIS_ADDRESS_1=" + broker.Address, "MINIO_NOTIFY_REDIS_FORMAT_1=namespace",
		"MINIO_NOTIFY_REDIS_KEY_1=" + redisHash, "MINIO_NOTIFY_REDIS_PASSWORD_1=yoursecret",
	}})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/images")
	mc.OK("event", "add", "myminio/images", "arn:minio:sqs::1:redis", "--event", "put,delete")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	client := server.Client(t)
	for step := range 150 {
		versionedStep(t, client, random, step)
	}
	want := map[string]mirrored{}
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	for o := range client.ListObjects(ctx, "images", minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		info, err := client.StatObject(ctx, "images", o.Key, minio.StatObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want["images/"+o.Key] = mirrored{info.ETag, info.VersionID}
	}
	harness.Poll(t, "the hash to be as the listing", func() error {
		if diff := cmp.Diff(want, hash(t, cli)); diff != "" {
			return fmt.Errorf("seed %d: %s", seed, diff)
		}
		return nil
	})
}

// versionedStep does one random thing.
func versionedStep(t *testing.T, client *minio.Client, random *rand.Rand, step int) {
	t.Helper()
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	key := fmt.Sprint("k", random.IntN(4))
	var err error
	switch random.IntN(13) {
	case 0:
		err = client.SuspendVersioning(ctx, "images")
	case 1, 2:
		err = client.EnableVersioning(ctx, "images")
	case 3:
		err = client.RemoveObject(ctx, "images", key, minio.RemoveObjectOptions{})
	case 4, 5, 6:
		if v, ok := anyVersion(ctx, client, random, key); ok {
			err = client.RemoveObject(ctx, "images", key, minio.RemoveObjectOptions{VersionID: v.VersionID})
		}
	case 7, 8, 9:
		if v, ok := anyVersion(ctx, client, random, key); ok && !v.IsDeleteMarker {
			err = client.RemoveObjectTagging(ctx, "images", key, minio.RemoveObjectTaggingOptions{VersionID: v.VersionID})
		}
	default:
		harness.Put(t, client, "images", key, fmt.Appendf(nil, "body %d", step))
	}
	if err != nil {
		t.Fatalf("step %d: %v", step, err)
	}
}

// anyVersion is one of a key's versions and markers, if it has any.
func anyVersion(ctx context.Context, client *minio.Client, random *rand.Rand, key string) (minio.ObjectInfo, bool) {
	var all []minio.ObjectInfo
	for o := range client.ListObjects(ctx, "images", minio.ListObjectsOptions{Prefix: key, WithVersions: true}) {
		all = append(all, o)
	}
	if len(all) == 0 {
		return minio.ObjectInfo{}, false
	}
	return all[random.IntN(len(all))], true
}

// hash reads the mirror.
func hash(t *testing.T, cli redisCLI) map[string]mirrored {
	t.Helper()
	all := map[string]mirrored{}
	lines := strings.Split(cli.run(t, "HGETALL", redisHash), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		var value struct {
			Records []struct {
				S3 struct {
					Object struct {
						ETag      string `json:"eTag"`
						VersionID string `json:"versionId"`
					} `json:"object"`
				} `json:"s3"`
			}
		}
		if err := json.Unmarshal([]byte(lines[i+1]), &value); err != nil || len(value.Records) != 1 {
			t.Fatalf("%v in %s", err, lines[i+1])
		}
		o := value.Records[0].S3.Object
		if o.VersionID == "" {
			o.VersionID = "null" // written before there were versions
		}
		all[lines[i]] = mirrored{o.ETag, o.VersionID}
	}
	return all
}
