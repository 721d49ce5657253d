package config_test

import (
	"testing"

	"github.com/carillon-s3/carillon/internal/config"
)

func TestQueueOf(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values map[string]string
		want   config.Queue
	}{
		"none": {nil, config.Queue{Full: config.QueueDrop}},
		"all": {
			map[string]string{"queue_dir": "/q", "queue_limit": "10", "queue_bytes": "1MiB", "queue_full": "refuse"},
			config.Queue{Dir: "/q", Limit: 10, Bytes: 1 << 20, Full: config.QueueRefuse},
		},
		"one that cannot be read": {
			map[string]string{"queue_limit": "many", "queue_bytes": "1MiB"},
			config.Queue{Bytes: 1 << 20, Full: config.QueueDrop},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := config.Instance{Values: make(map[string]config.Value)}
			for key, text := range tt.values {
				i.Values[key] = config.Value{Text: text}
			}
			if got := config.QueueOf(i); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}
