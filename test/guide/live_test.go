package guide

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestWatch: `mc watch` prints what happens while it happens.
func TestWatch(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/watched")
	stream := mc.Stream("watch", "--json", "myminio/watched")
	client := server.Client(t)
	// A stream tells what happens after it began, and mc does not say when.
	probing := time.NewTicker(100 * time.Millisecond)
	defer probing.Stop()
	bound := time.After(harness.Patience)
	for heard := false; !heard; {
		harness.Put(t, client, "watched", "probe", []byte("x"))
		select {
		case line := <-stream.Lines:
			heard = strings.Contains(line, "probe")
		case <-probing.C:
		case <-bound:
			t.Fatalf("mc watch printed nothing: %s", stream.Stderr)
		}
	}
	harness.Put(t, client, "watched", "folder/a b.txt", []byte("hello"))
	put := time.Now()
	line := stream.Next(t, "folder/a b.txt")
	harness.Report(t, "watch: a line of `mc watch` %.0f ms after the answer to the PUT", harness.Since(put, time.Now()))
	var event struct {
		Status string
		Events struct {
			Type, Path string
			Size       int64
		}
	}
	if err := json.Unmarshal([]byte(line), &event); err != nil || event.Status != "success" ||
		event.Events.Size != int64(len("hello")) || !strings.HasSuffix(event.Events.Path, "/watched/folder/a b.txt") {
		t.Errorf("mc watch printed %s (%v)", line, err)
	}
	mc.OK("rm", "myminio/watched/folder/a b.txt")
	stream.Next(t, "ObjectRemoved")
}

// targetStates are the states of webhook targets that `mc admin info` shows.
func targetStates(t *testing.T, mc *harness.MC) map[string]string {
	t.Helper()
	var info struct {
		Info struct {
			SQSARN   []string `json:"sqsARN"`
			Services struct {
				Notifications []map[string][]map[string]struct{ Status string }
			}
		}
	}
	out := mc.OK("--json", "admin", "info", "myminio")
	if err := json.Unmarshal([]byte(out), &info); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	states := make(map[string]string)
	for _, kinds := range info.Info.Services.Notifications {
		for _, instances := range kinds["webhook"] {
			for id, s := range instances {
				states[id] = s.Status
			}
		}
	}
	for id := range states {
		if !strings.Contains(strings.Join(info.Info.SQSARN, " "), harness.WebhookARN(id)) {
			t.Errorf("the ARNs %q lack that of %s", info.Info.SQSARN, id)
		}
	}
	return states
}

// TestAdminInfoShowsTargets: a target that goes away is shown offline, and one
// that is back online, while another stays as it is.
func TestAdminInfoShowsTargets(t *testing.T) {
	t.Parallel()
	moody, steady := harness.NewReceiver(t), harness.NewReceiver(t)
	server := harness.Start(t, harness.Options{
		Env: append(harness.WebhookEnv("moody", moody.URL()), harness.WebhookEnv("steady", steady.URL())...),
	})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("admin", "info", "myminio")
	await := func(want string) {
		t.Helper()
		harness.Poll(t, "the target to be shown "+want, func() error {
			if got := targetStates(t, mc); got["moody"] != want || got["steady"] != "online" {
				return fmt.Errorf("states are %v", got)
			}
			return nil
		})
	}
	await("online")
	moody.Down()
	await("offline")
	moody.Up(t)
	await("online")
}
