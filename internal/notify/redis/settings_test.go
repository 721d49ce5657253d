package redis

import (
	"testing"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func TestSettings(t *testing.T) {
	type values = map[string]string
	with := targettest.With
	targettest.Settings{
		Kind:   Kind(),
		Line:   "format=namespace address= key= password= user= queue_dir= queue_limit=0",
		Hidden: "access_layout queue_bytes queue_full payload",
		Valid:  values{"address": "localhost:6379", "key": "k"},
		Values: map[string]targettest.Case{
			"the guide's line":       with(values{"address": "127.0.0.1:6379", "format": "namespace", "key": "bucketevents", "password": "s3cret", "queue_dir": "", "queue_limit": "0"}, ""),
			"format in capitals":     with(values{"format": "ACCESS"}, ""),
			"user":                   with(values{"address": "[::1]:6379", "user": "u", "password": "s3cret"}, ""),
			"layout":                 with(values{"format": "access", "access_layout": "minio"}, ""),
			"unknown format":         with(values{"format": "stream"}, "format: "),
			"unknown layout":         with(values{"access_layout": "json"}, "access_layout: "),
			"address without a port": with(values{"address": "localhost"}, "address: must be host:port"),
			"address without a host": with(values{"address": ":6379"}, "address: must be host:port"),
			"address is a URL":       with(values{"address": "redis://:s3cret@localhost:6379"}, "address: must be host:port"),
			"port is a word":         with(values{"address": "localhost:redis"}, "address: the port must be a number"),
			"port 0":                 with(values{"address": "localhost:0"}, "address: the port must be a number"),
			"port too large":         with(values{"address": "localhost:65536"}, "address: the port must be a number"),
			"user without password":  with(values{"user": "u"}, "password: a user needs one"),
		},
		Dials: map[string]map[string]string{
			"dial": {"address": "127.0.0.1:6379"},
		},
	}.Run(t)
}

func TestTraitsFollowTheFormat(t *testing.T) {
	t.Parallel()
	for format, mirrors := range map[string]bool{"": true, "namespace": true, "Namespace": true, "access": false, "ACCESS": false} {
		s := new(Settings)
		if err := config.Decode(s, map[string]string{"address": "localhost:6379", "key": "k", "format": format}); err != nil {
			t.Fatal(err)
		}
		if got := Kind().Traits(s).Mirror; got != mirrors {
			t.Errorf("format=%s: mirror %v, want %v", format, got, mirrors)
		}
	}
}
