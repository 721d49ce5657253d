package redis_test

import (
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/redis"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

const wrongPassword = "not-the-password"

// limited is a user who may run what a format needs, as docs/targets/redis.md
// lists it, and nothing else.
var limited = map[string][]string{
	"access":    {"~" + key, "+type", "+lindex", "+rpush"},
	"namespace": {"~" + key, "~" + key + ":carillon-*", "+type", "+evalsha", "+eval", "+hget", "+hset", "+hdel", "+zadd", "+zrem", "+zrangebyscore"},
}

func TestAccessSuite(t *testing.T) {
	targettest.Run(t, targettest.Suite{Kind: redis.Kind(), New: reached("access", nil), Variants: variants("access", "list", "hset", key, "f", "v")})
}

func TestNamespaceSuite(t *testing.T) {
	targettest.Run(t, targettest.Suite{
		Kind: redis.Kind(), New: reached("namespace", nil), Rows: rows,
		Variants: variants("namespace", "hash", "rpush", key, "v"),
	})
}

func reached(format string, edit func(*testing.T, *server)) func(*testing.T) targettest.Harness {
	return func(t *testing.T) targettest.Harness {
		s := start(t, format, nil)
		if edit != nil {
			edit(t, s)
		}
		return s
	}
}

// variants are the ways to reach a Redis; makeOther makes the key another type.
func variants(format, redisType string, makeOther ...string) []targettest.Variant {
	with := func(user, password string) func(*testing.T, *server) {
		return func(_ *testing.T, s *server) { s.values["user"], s.values["password"] = user, password }
	}
	return []targettest.Variant{
		{Name: "password of the default user", New: reached(format, with("", brokertest.Password))},
		{Name: "user of few rights", New: reached(format, func(t *testing.T, s *server) {
			s.cli(t, append([]string{"ACL", "SETUSER", "limited", "on", ">" + brokertest.Password}, limited[format]...)...)
			s.values["user"] = "limited"
		})},
		{Name: "user without rights", WantErr: "NOPERM", New: reached(format, func(t *testing.T, s *server) {
			s.cli(t, "ACL", "SETUSER", "none", "on", ">"+brokertest.Password)
			s.values["user"] = "none"
		})},
		{Name: "wrong password", New: reached(format, with(brokertest.Login, wrongPassword)), WantErr: "WRONGPASS"},
		{Name: "unknown user", New: reached(format, with("nobody", brokertest.Password)), WantErr: "WRONGPASS"},
		{Name: "no password", New: reached(format, with("", "")), WantErr: "NOAUTH"},
		{Name: "key of another type", WantErr: "expected type " + redisType + " does not match", New: reached(format, func(t *testing.T, s *server) {
			s.cli(t, makeOther...)
		})},
	}
}
