package amqp

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

func TestKeysAreInTheOrderOfTheGuidesOutput(t *testing.T) {
	t.Parallel()
	var set config.FieldSet
	new(Settings).Fields(&set)
	var line, hidden []string
	for _, f := range set.List() {
		if f.HiddenIfEmpty {
			hidden = append(hidden, f.Key)
			continue
		}
		line = append(line, f.Key+"="+f.Default)
	}
	const want = "url= exchange= exchange_type= routing_key= mandatory=on durable=off no_wait=off internal=off auto_deleted=off " +
		"delivery_mode=0 publisher_confirms=on queue_limit=0 queue_dir="
	if diff := cmp.Diff(want, strings.Join(line, " ")); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"immediate", "queue_bytes", "queue_full"}, hidden); diff != "" {
		t.Errorf("hidden while empty (-want +got):\n%s", diff)
	}
}

func TestNamesInTheEnvironment(t *testing.T) {
	t.Parallel()
	var set config.FieldSet
	new(Settings).Fields(&set)
	got := make(map[string]string)
	for _, f := range set.List() {
		if f.EnvKey != strings.ToUpper(f.Key) || f.Key == "immediate" {
			got[f.Key] = f.EnvKey
		}
	}
	want := map[string]string{"publisher_confirms": "PUBLISHING_CONFIRMS", "immediate": "IMMEDIATE"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values map[string]string
		want   string // part of the error; empty: valid
	}{
		"the guide's line": {map[string]string{
			"exchange": "bucketevents", "exchange_type": "fanout", "mandatory": "off", "no_wait": "off",
			"url": "amqp://myuser:mypassword@localhost:5672", "auto_deleted": "off", "delivery_mode": "0", "durable": "off",
			"internal": "off", "routing_key": "bucketlogs",
		}, ""},
		"default exchange":      {map[string]string{"url": "amqp://h", "routing_key": "queue"}, ""},
		"TLS and a vhost":       {map[string]string{"url": "amqps://u:p%40@h/vhost?cacertfile=/ca&auth_mechanism=PLAIN", "exchange": "x"}, ""},
		"no url":                {map[string]string{"exchange": "x"}, "url: a value is required"},
		"scheme":                {map[string]string{"url": "http://h", "exchange": "x"}, "url: unexpected scheme"},
		"no scheme":             {map[string]string{"url": "localhost:5672", "exchange": "x"}, "url: "},
		"port not a number":     {map[string]string{"url": "amqp://u:s3cret@h:port", "exchange": "x"}, "url: "},
		"port too large":        {map[string]string{"url": "amqp://u:s3cret@h:70000", "exchange": "x"}, "url: there is no port 70000"},
		"port zero":             {map[string]string{"url": "amqp://u:s3cret@h:0", "exchange": "x"}, "url: there is no port 0"},
		"password not escaped":  {map[string]string{"url": "amqp://u:s3cret%zz@h", "exchange": "x"}, "url: not a URL"},
		"heartbeat":             {map[string]string{"url": "amqp://u:s3cret@h?heartbeat=soon", "exchange": "x"}, "url: not an AMQP URL"},
		"mechanism":             {map[string]string{"url": "amqp://u:s3cret@h?auth_mechanism=magic", "exchange": "x"}, `auth_mechanism: "magic" is none of`},
		"certificate alone":     {map[string]string{"url": "amqps://u:s3cret@h?certfile=/c", "exchange": "x"}, "certfile and keyfile: both"},
		"nowhere to":            {map[string]string{"url": "amqp://h"}, "exchange: a value is required, unless"},
		"long exchange":         {map[string]string{"url": "amqp://h", "exchange": strings.Repeat("x", 256)}, "exchange: it has 256 bytes"},
		"long routing key":      {map[string]string{"url": "amqp://h", "exchange": "x", "routing_key": strings.Repeat("x", 256)}, "routing_key: it has 256 bytes"},
		"delivery mode 3":       {map[string]string{"url": "amqp://h", "exchange": "x", "delivery_mode": "3"}, "delivery_mode: "},
		"delivery mode -1":      {map[string]string{"url": "amqp://h", "exchange": "x", "delivery_mode": "-1"}, "delivery_mode: "},
		"delivery mode by name": {map[string]string{"url": "amqp://h", "exchange": "x", "delivery_mode": "persistent"}, "delivery_mode: "},
		"neither on nor off":    {map[string]string{"url": "amqp://h", "exchange": "x", "mandatory": "maybe"}, "mandatory: "},
		"relative dir":          {map[string]string{"url": "amqp://h", "exchange": "x", "queue_dir": "events"}, "queue_dir: the path should be absolute"},
		"limit not a count":     {map[string]string{"url": "amqp://h", "exchange": "x", "queue_limit": "-5"}, "queue_limit: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := config.Decode(new(Settings), tt.values)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q in it", err, tt.want)
			case err != nil && strings.Contains(err.Error(), "s3cret"):
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestOpenNamesTheFileThatIsWrong(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"amqps://h?cacertfile=/no/ca":                 "url: cacertfile: open /no/ca",
		"amqps://h?certfile=/no/cert&keyfile=/no/key": "url: certfile and keyfile: open /no/cert",
	} {
		if _, err := open(&Settings{URL: url, Exchange: "x"}, target.Env{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
}

func TestRedactor(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"amqp://u:p%40ss@h": "user u, *** or ***",
		"amqp://u@h":        "user u, p@ss or p%40ss",
		"amqp://h":          "user u, p@ss or p%40ss",
	} {
		if got := (&Settings{URL: url}).redactor().Replace("user u, p@ss or p%40ss"); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}
