package redis_test

import (
	"maps"
	"strconv"
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

func TestMain(m *testing.M) { targettest.Main(m, redis.Kind()) }

// maxBulk is the lowest that proto-max-bulk-len can be; its default is 512 MiB,
// which is much to send in a test.
const maxBulk = 1 << 20

func TestAccessSuite(t *testing.T) {
	targettest.Run(t, suite("access", targettest.Suite{
		Name: "format access", New: reached("access", nil), Variants: variants("access", "list", "hset", key, "f", "v"),
	}))
}

func TestNamespaceSuite(t *testing.T) {
	targettest.Run(t, suite("namespace", targettest.Suite{
		Name: "format namespace", New: reached("namespace", nil), Rows: rows,
		Variants: variants("namespace", "hash", "rpush", key, "v"),
		Without:  map[string]string{targettest.OrderOfKey: "the hash shows the last event of a key"},
	}))
}

// suite fills in what both formats share.
func suite(format string, s targettest.Suite) targettest.Suite {
	const noTLS = "the kind has no TLS"
	s.Kind = redis.Kind()
	// Around a body there is the list item.
	s.Bodies = targettest.Bodies{Fits: maxBulk - 64, Over: maxBulk + 1, Unsaid: true, New: reached(format, lowLimit)}
	s.Notes = map[string]string{
		targettest.OverLimit: "Redis hangs up over more than proto-max-bulk-len, 512 MiB unless set: the event waits",
	}
	without := map[string]string{
		targettest.Missing: "Redis makes the key for the first event",
		targettest.TLS:     noTLS, targettest.WrongCA: noTLS, targettest.ClientCertificate: noTLS, targettest.NoClientCert: noTLS,
	}
	maps.Copy(without, s.Without)
	s.Without = without
	return s
}

func lowLimit(t *testing.T, s *server) {
	s.cli(t, "CONFIG", "SET", "proto-max-bulk-len", strconv.Itoa(maxBulk))
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
		{Name: "wrong password", Case: targettest.WrongCredentials, New: reached(format, with(brokertest.Login, wrongPassword)), WantErr: "WRONGPASS"},
		{Name: "unknown user", New: reached(format, with("nobody", brokertest.Password)), WantErr: "WRONGPASS"},
		{Name: "no password", New: reached(format, with("", "")), WantErr: "NOAUTH"},
		{Name: "key of another type", WantErr: "expected type " + redisType + " does not match", New: reached(format, func(t *testing.T, s *server) {
			s.cli(t, makeOther...)
		})},
	}
}
