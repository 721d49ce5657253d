package brokertest

import (
	"context"
	"testing"
	"time"
)

// TestAllStartAtOnce: that many brokers fit beside each other.
func TestAllStartAtOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t T) *Process{
		"amqp":                   func(t T) *Process { return StartRabbitMQ(t).Process },
		"elasticsearch 7":        func(t T) *Process { return StartElasticsearch(t, Elasticsearch7, false).Process },
		"elasticsearch 8 secure": func(t T) *Process { return StartElasticsearch(t, Elasticsearch8, true).Process },
		"kafka":                  func(t T) *Process { return StartKafka(t).Process },
		"mysql":                  func(t T) *Process { return StartMySQL(t).Process },
		"nats with mutual TLS":   func(t T) *Process { return StartNATS(t, NATSMutual).Process },
		"nats streaming":         func(t T) *Process { return StartSTAN(t).Process },
		"nsq with TLS":           func(t T) *Process { return StartNSQ(t, true).Process },
	}
	for name, start := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if p := start(t); p.Pid() == 0 {
				t.Error("it does not run")
			}
		})
	}
}

// TestProcessIsStoppedKilledAndFrozen, with brokers that start quickly: one of
// one process, one of many, and one that keeps a lock file.
func TestProcessIsStoppedKilledAndFrozen(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t T) *Process{
		"mariadb":  func(t T) *Process { return StartMariaDB(t).Process },
		"mqtt":     func(t T) *Process { return StartMosquitto(t).Process },
		"nats":     func(t T) *Process { return StartNATS(t, NATSOpen).Process },
		"nsq":      func(t T) *Process { return StartNSQ(t, false).Process },
		"postgres": func(t T) *Process { return StartPostgres(t).Process },
		"redis":    func(t T) *Process { return StartRedis(t).Process },
	}
	for name, start := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t)
			first := p.Pid()
			p.Freeze()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if p.ready(ctx) == nil {
				t.Error("it answers while it is frozen")
			}
			p.Thaw()
			p.waitReady()
			p.Kill()
			p.Start()
			p.Stop()
			p.Start()
			if p.Pid() == first || !gone(first) {
				t.Error("the first process is still there")
			}
		})
	}
}
