package event_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/event"
)

func TestParseARN(t *testing.T) {
	t.Parallel()
	tests := map[string]event.ARN{
		"arn:minio:sqs::1:webhook":            {Target: event.TargetID{ID: "1", Type: "webhook"}},
		"arn:minio:sqs:eu-west-7:_:webhook":   {Region: "eu-west-7", Target: event.TargetID{ID: "_", Type: "webhook"}},
		"arn:minio:sqs::PRIMARY:postgresql":   {Target: event.TargetID{ID: "PRIMARY", Type: "postgresql"}},
		"arn:minio:sqs::a b&<é>:kafka":        {Target: event.TargetID{ID: "a b&<é>", Type: "kafka"}},
		"arn:minio:sqs:x:anything:nosuchkind": {Region: "x", Target: event.TargetID{ID: "anything", Type: "nosuchkind"}},
	}
	for text, want := range tests {
		got, err := event.ParseARN(text)
		if err != nil || got != want {
			t.Errorf("ParseARN(%q) = %+v, %v; want %+v", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("%q came back as %q", text, got)
		}
	}
	for _, text := range []string{
		"", "arn", "arn:minio:sqs", "arn:minio:sqs:", "arn:minio:sqs::", "arn:minio:sqs:::", "arn:minio:sqs::1:",
		"arn:minio:sqs:::webhook", "arn:minio:sqs::1", "arn:minio:sqs::1:webhook:x", "arn:minio:sqs::1:2:webhook",
		"arn:aws:sqs::1:webhook", "arn:minio:sns::1:webhook", "ARN:minio:sqs::1:webhook", " arn:minio:sqs::1:webhook",
	} {
		if got, err := event.ParseARN(text); !errors.Is(err, event.ErrARN) {
			t.Errorf("ParseARN(%q) = %+v, %v; want ErrARN", text, got, err)
		}
	}
}

func TestTargetID(t *testing.T) {
	t.Parallel()
	id := event.TargetID{ID: "1", Type: "webhook"}
	if id.String() != "1:webhook" {
		t.Errorf("String is %q", id)
	}
	for _, text := range []string{"", ":", "1", "1:", ":webhook", "1:web:hook"} {
		if got, err := event.ParseTargetID(text); err == nil {
			t.Errorf("ParseTargetID(%q) = %v", text, got)
		}
	}
	ordered := []event.TargetID{{ID: "b", Type: "amqp"}, {ID: "a", Type: "kafka"}, {ID: "b", Type: "kafka"}}
	for i := range ordered[1:] {
		if ordered[i].Compare(ordered[i+1]) >= 0 || ordered[i+1].Compare(ordered[i]) <= 0 {
			t.Errorf("%v and %v are out of order", ordered[i], ordered[i+1])
		}
	}
}

func FuzzParseARN(f *testing.F) {
	f.Add("arn:minio:sqs::1:webhook")
	f.Add("arn:minio:sqs:eu-west-7:_:postgresql")
	f.Add("arn:minio:sqs:::")
	f.Fuzz(func(t *testing.T, s string) {
		arn, err := event.ParseARN(s)
		if err != nil {
			return
		}
		if arn.String() != s || strings.Count(s, ":") != 5 || arn.Target.ID == "" || arn.Target.Type == "" {
			t.Fatalf("%q was taken as %+v", s, arn)
		}
		if id, err := event.ParseTargetID(arn.Target.String()); err != nil || id != arn.Target {
			t.Fatalf("target %v came back as %v, %v", arn.Target, id, err)
		}
	})
}
