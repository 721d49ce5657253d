package redis_test

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

// server is a real Redis, read with its own client program.
type server struct {
	*brokertest.Redis
	values map[string]string
}

const key = "bucketevents"

// start starts a Redis and edits the settings that reach it.
func start(t *testing.T, format string, edit func(s *server)) *server {
	t.Helper()
	s := &server{Redis: brokertest.StartRedis(t)}
	s.values = map[string]string{
		"format": format, "address": s.Address, "key": key, "user": s.User, "password": brokertest.Password,
	}
	if edit != nil {
		edit(s)
	}
	return s
}

// cli runs redis-cli and returns what it prints: for lists a line per item.
func (s *server) cli(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), brokertest.Patience)
	defer cancel()
	host, port, _ := strings.Cut(s.Address, ":")
	cmd := exec.CommandContext(ctx, "redis-cli", append([]string{"-h", host, "-p", port, "--no-auth-warning", "-e"}, args...)...)
	cmd.Env = append(cmd.Environ(), "REDISCLI_AUTH="+brokertest.Password)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// lines are the items of a list.
func (s *server) lines(t *testing.T, args ...string) []string {
	t.Helper()
	out := s.cli(t, args...)
	if out == "" {
		return nil
	}
	return strings.Split(out, "\n")
}

func (s *server) Values() map[string]string { return s.values }
func (s *server) Secrets() []string         { return []string{brokertest.Password, wrongPassword} }
func (s *server) Kill(*testing.T)           { s.Redis.Kill() }
func (s *server) Start(*testing.T)          { s.Redis.Start() }
func (s *server) Freeze(*testing.T)         { s.Redis.Freeze() }
func (s *server) Thaw(*testing.T)           { s.Redis.Thaw() }

// Received lists the events of the list, or those that the hash shows.
func (s *server) Received(t *testing.T) []targettest.Received {
	t.Helper()
	var got []targettest.Received
	if s.values["format"] == "namespace" {
		for _, body := range s.lines(t, "HVALS", key) {
			got = append(got, targettest.Received{Body: body})
		}
		return got
	}
	for _, item := range s.lines(t, "LRANGE", key, "0", "-1") {
		var pair []json.RawMessage
		if err := json.Unmarshal([]byte(item), &pair); err != nil || len(pair) != 2 {
			t.Fatalf("the item %s is not a list of two: %v", item, err)
		}
		got = append(got, targettest.Received{Body: string(pair[1])})
	}
	return got
}

// rows reads the hash, whose fields may hold any character, as JSON.
func rows(t *testing.T, h targettest.Harness) map[string]string {
	t.Helper()
	got := make(map[string]string)
	if err := json.Unmarshal([]byte(h.(*server).cli(t, "--json", "HGETALL", key)), &got); err != nil {
		t.Fatal(err)
	}
	return got
}
