package outage

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestHungNeighbourDelaysNobody: a target that takes requests and never answers
// costs neither PUTs nor other targets anything. The healthy target must get
// everything before the hung one answered once.
func TestHungNeighbourDelaysNobody(t *testing.T) {
	t.Parallel()
	hung, slow, healthy := harness.NewReceiver(t), harness.NewReceiver(t), harness.NewReceiver(t)
	hung.Behave(harness.Hang)
	slow.Behave(harness.Slow(time.Second))
	env := slices.Concat(
		harness.WebhookEnv("HUNG", hung.URL()),
		harness.WebhookEnv("SLOW", slow.URL()),
		harness.WebhookEnv("GOOD", healthy.URL()))
	server := harness.Start(t, harness.Options{Env: env})
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, all("HUNG"), all("SLOW"), all("GOOD"))
	keys := harness.PutMany(t, client, bucket, "k", 100)
	healthy.WaitKeys(t, keys)
	if n := len(hung.Accepted()); n != 0 {
		t.Errorf("the hung target answered %d times", n)
	}
	hung.Behave(harness.Accept)
	hung.Down()
	hung.Up(t)
	hung.WaitKeys(t, keys)
	slow.Behave(harness.Accept)
	slow.WaitKeys(t, keys)
}

// TestInvalidSiblingHarmsNobody: a target whose settings cannot be used leaves
// the others working.
func TestInvalidSiblingHarmsNobody(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*testing.T) []string{
		"endpoint of another scheme": func(*testing.T) []string {
			return harness.WebhookEnv("BAD", "ftp://127.0.0.1/x")
		},
		"no endpoint": func(*testing.T) []string {
			return []string{"MINIO_NOTIFY_WEBHOOK_ENABLE_BAD=on"}
		},
		"relative queue_dir": func(*testing.T) []string {
			return harness.WebhookEnv("BAD", "http://127.0.0.1:1/x", "QUEUE_DIR", "relative/path")
		},
		"queue_dir below a file": func(t *testing.T) []string {
			return harness.WebhookEnv("BAD", "http://127.0.0.1:1/x", "QUEUE_DIR", filepath.Join(harness.ModulePath(t, "go.mod"), "q"))
		},
		"queue_limit is no number": func(*testing.T) []string {
			return harness.WebhookEnv("BAD", "http://127.0.0.1:1/x", "QUEUE_LIMIT", "many")
		},
		"client certificate is missing": func(*testing.T) []string {
			return harness.WebhookEnv("BAD", "https://127.0.0.1:1/x", "CLIENT_CERT", "/nonexistent.crt", "CLIENT_KEY", "/nonexistent.key")
		},
	}
	for name, bad := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := harness.NewReceiver(t)
			server := harness.Start(t, harness.Options{Env: append(bad(t), harness.WebhookEnv("GOOD", receiver.URL())...)})
			client := server.Client(t)
			harness.MakeBucket(t, client, bucket, all("GOOD"))
			receiver.WaitKeys(t, harness.PutMany(t, client, bucket, "k", 10))
			server.Output.Wait(t, "a line that names the target in question", func(text string) bool {
				return slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool {
					return strings.Contains(line, "BAD") && (strings.Contains(line, "WARN") || strings.Contains(line, "ERROR"))
				})
			})
		})
	}
}

// TestLatency prints how long after the answer to a PUT its event arrives. An
// event that comes before the answer counts as 0.
func TestLatency(t *testing.T) {
	const puts = 300
	receiver := harness.NewReceiver(t)
	server := harness.Start(t, harness.Options{Env: harness.WebhookEnv("1", receiver.URL())})
	client := server.Client(t)
	harness.MakeBucket(t, client, bucket, all("1"))
	harness.Put(t, client, bucket, "warm", []byte("x"))
	receiver.WaitKey(t, bucket+"/warm")

	answered := make(map[string]time.Time)
	for range puts {
		key := bucket + "/" + time.Now().Format("150405.000000000")
		harness.Put(t, client, bucket, key[len(bucket)+1:], []byte("hello"))
		answered[key] = time.Now()
		receiver.WaitKey(t, key)
	}
	var ms []float64
	for _, d := range receiver.Accepted() {
		if at, ok := answered[d.Key]; ok {
			ms = append(ms, max(0, harness.Since(at, d.Arrived)))
		}
	}
	slices.Sort(ms)
	harness.Report(t, "latency: answer of PUT to arrival of its event, %d PUTs one by one: p50 %.2f ms, p99 %.2f ms, max %.2f ms",
		len(ms), ms[len(ms)/2], ms[len(ms)*99/100], ms[len(ms)-1])
}
