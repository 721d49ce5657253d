package guide

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// redisHash is the name of the key in the guide's lines.
const redisHash = "bucketevents"

// guideRedis starts a Redis with the guide's password.
func guideRedis(t *testing.T) (*brokertest.Redis, redisCLI) {
	t.Helper()
	broker := brokertest.StartRedis(t)
	redisCLI{broker.Address, brokertest.Password}.run(t, "ACL", "SETUSER", "default", "resetpass", ">yoursecret")
	return broker, redisCLI{broker.Address, "yoursecret"}
}

// redisCLI is the client program that the guide uses.
type redisCLI struct{ address, password string }

func (c redisCLI) command(ctx context.Context, args ...string) *exec.Cmd {
	host, port, _ := strings.Cut(c.address, ":")
	cmd := exec.CommandContext(ctx, "redis-cli", append([]string{"-h", host, "-p", port, "-a", c.password, "--no-auth-warning", "-e"}, args...)...)
	cmd.WaitDelay = time.Second
	return cmd
}

func (c redisCLI) run(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	out, err := c.command(ctx, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// monitor runs `monitor` until a line holds want.
func (c redisCLI) monitor(t *testing.T, want string, meanwhile func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	cmd := c.command(ctx, "monitor")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // it was killed
	}()
	lines := bufio.NewReader(out)
	if first, err := lines.ReadString('\n'); strings.TrimSpace(first) != "OK" {
		t.Fatalf("monitor begins with %q, %v", first, err)
	}
	meanwhile()
	var seen strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if strings.Contains(line, want) {
			return
		}
		seen.WriteString(line)
		if err != nil {
			t.Fatalf("monitor shows no %s (%v), only:\n%s", want, err, &seen)
		}
	}
}

// TestRedisChapter is the Redis chapter, as typed; only the port is another.
func TestRedisChapter(t *testing.T) {
	t.Parallel()
	broker, cli := guideRedis(t)
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	got := typed(t, mc, "mc admin config get myminio/ notify_redis")
	if want := "notify_redis enable=off format=namespace address= key= password= user= queue_dir= queue_limit=0 "; !strings.HasPrefix(got, want) {
		t.Errorf("config get prints %q, want %q", got, want)
	}
	typed(t, mc, `mc admin config set myminio/ notify_redis:1 address="`+broker.Address+`" format="namespace" key="bucketevents" password="yoursecret" queue_dir="" queue_limit="0"`)
	if got := typed(t, mc, "mc admin config get myminio/ notify_redis"); strings.Contains(got, "yoursecret") || !strings.Contains(got, "address="+broker.Address) {
		t.Errorf("after set: %q", got)
	}
	server.Restarting(func() { typed(t, mc, "mc admin service restart myminio --json") })
	if want := "SQS ARNs: arn:minio:sqs::1:redis"; !strings.Contains(server.Stdout.String(), want) {
		t.Errorf("the banner lacks %q:\n%s", want, server.Stdout)
	}
	typed(t, mc, "mc mb myminio/images")
	typed(t, mc, "mc event add myminio/images arn:minio:sqs::1:redis --suffix .jpg")
	if got := typed(t, mc, "mc event list myminio/images"); !strings.Contains(got, "arn:minio:sqs::1:redis") || !strings.Contains(got, `suffix=".jpg"`) {
		t.Errorf("event list: %q", got)
	}
	cli.monitor(t, `"HSET" "bucketevents" "images/images.jpg" "{\"Records\":[{\"eventVersion\":\"2.0\"`, func() {
		typed(t, mc, "mc cp "+picture(t)+" myminio/images")
	})
	typed(t, mc, "mc stat myminio/images/images.jpg") // a read leaves the entry as it is
	wantFields(t, cli, "images/images.jpg", "s3:ObjectCreated:Put")
	typed(t, mc, "mc rm myminio/images/images.jpg")
	wantFields(t, cli)
}

// wantFields waits until the hash has just these pairs of a field and the name
// of its event.
func wantFields(t *testing.T, cli redisCLI, want ...string) {
	t.Helper()
	harness.Poll(t, fmt.Sprintf("the hash with %q", want), func() error {
		var fields map[string]string
		if err := json.Unmarshal([]byte(cli.run(t, "--json", "HGETALL", redisHash)), &fields); err != nil {
			return err
		}
		if len(fields) != len(want)/2 {
			return fmt.Errorf("it is %v", fields)
		}
		for i := 0; i < len(want); i += 2 {
			if !strings.Contains(fields[want[i]], `"eventName":"`+want[i+1]+`"`) {
				return fmt.Errorf("%s is %q", want[i], fields[want[i]])
			}
		}
		return nil
	})
}

// TestRedisAccessFormat: a list of pairs, taken with BLPOP as the guide says.
func TestRedisAccessFormat(t *testing.T) {
	t.Parallel()
	broker, cli := guideRedis(t)
	server := harness.Start(t, harness.Options{Env: []string{
		"MINIO_NOTIFY_REDIS_ENABLE=on", "MINIO_NOTIFY_REDIS_ADDRESS=" + broker.Address, "MINIO_NOTIFY_REDIS_KEY=minio_events",
		"MINIO_NOTIFY_REDIS_FORMAT=access", "MINIO_NOTIFY_REDIS_PASSWORD=yoursecret",
	}})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/images")
	// Without --event it would be told of mc's own HEAD requests as well.
	mc.OK("event", "add", "myminio/images", "arn:minio:sqs::_:redis", "--event", "put,delete")
	mc.OK("cp", picture(t), "myminio/images")
	mc.OK("rm", "myminio/images/images.jpg")
	for _, name := range []string{"s3:ObjectCreated:Put", "s3:ObjectRemoved:Delete"} {
		_, item, _ := strings.Cut(cli.run(t, "BLPOP", "minio_events", "60"), "\n")
		var (
			at   string
			data struct {
				Records []struct{ EventName, EventTime string }
			}
		)
		if err := json.Unmarshal([]byte(item), &[]any{&at, &data}); err != nil || len(data.Records) != 1 {
			t.Fatalf("the item is %s: %v", item, err)
		}
		if r := data.Records[0]; r.EventName != name || r.EventTime != at {
			t.Errorf("the item is %s, want %s", item, name)
		}
	}
}
