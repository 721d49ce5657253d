package crash

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/test/harness"
)

// redisKey is the list or hash that holds the events.
const redisKey = "bucketevents"

// redisAccess is a list of all events.
func redisAccess(t *testing.T) broker {
	t.Helper()
	b, server := startRedis(t, "access")
	b.arrived = func(t testing.TB) ([]seen, error) {
		var items []string
		if err := redisCLI(t, server, &items, "LRANGE", redisKey, "0", "-1"); err != nil {
			return nil, err
		}
		all := make([]seen, 0, len(items))
		for _, item := range items {
			var pair [2]json.RawMessage // a time, and the event
			if err := json.Unmarshal([]byte(item), &pair); err != nil {
				return nil, fmt.Errorf("%s: %w", item, err)
			}
			s, err := parseEvent(pair[1], "")
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
		return all, nil
	}
	return b
}

// redisNamespace is a hash that mirrors the buckets.
func redisNamespace(t *testing.T) broker {
	t.Helper()
	b, server := startRedis(t, "namespace")
	b.mirrored = func(t testing.TB) (map[string][]byte, error) {
		var fields map[string]string
		if err := redisCLI(t, server, &fields, "HGETALL", redisKey); err != nil {
			return nil, err
		}
		rows := make(map[string][]byte, len(fields))
		for key, body := range fields {
			rows[key] = []byte(body)
		}
		return rows, nil
	}
	return b
}

func startRedis(t *testing.T, format string) (broker, *brokertest.Redis) {
	t.Helper()
	server := brokertest.StartRedis(t)
	return broker{
		name: "redis, " + format, process: server.Process, arn: "arn:minio:sqs::1:redis",
		env: []string{
			"MINIO_NOTIFY_REDIS_ENABLE_1=on", "MINIO_NOTIFY_REDIS_ADDRESS_1=" + server.Address,
			"MINIO_NOTIFY_REDIS_PASSWORD_1=" + brokertest.Password, "MINIO_NOTIFY_REDIS_KEY_1=" + redisKey,
			"MINIO_NOTIFY_REDIS_FORMAT_1=" + format,
		},
	}, server
}

// redisCLI reads with Redis's own client program into what its JSON fits.
func redisCLI(t testing.TB, server *brokertest.Redis, into any, args ...string) error {
	t.Helper()
	ctx, cancel := harness.Bounded(t)
	defer cancel()
	host, port, _ := strings.Cut(server.Address, ":")
	cmd := exec.CommandContext(ctx, "redis-cli", append([]string{"-h", host, "-p", port, "--no-auth-warning", "-e", "--json"}, args...)...)
	cmd.Env = append(cmd.Environ(), "REDISCLI_AUTH="+brokertest.Password)
	out, err := cmd.CombinedOutput()
	if err == nil {
		err = json.Unmarshal(out, into)
	}
	if err != nil {
		return fmt.Errorf("redis-cli %s: %w\n%.1000s", strings.Join(args, " "), err, out)
	}
	return nil
}
