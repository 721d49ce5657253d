package target_test

import (
	"testing"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

type formed struct {
	target.Form
	binary bool
}

func (s *formed) Validate() error { return s.CheckMirror(false) }
func (s *formed) Fields(f *config.FieldSet) {
	if s.binary {
		s.BinaryPayloadField(f)
		return
	}
	s.PayloadField(f)
}

func TestBodyOf(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]target.Body{
		"": target.Records, "minio": target.Records, "aws": target.AWS, "EventBridge": target.EventBridge,
		"cloudevents": target.CloudEvents, "cloudevents-binary": target.CloudEventsBinary,
	} {
		s := &formed{binary: true}
		if err := config.Decode(s, map[string]string{"payload": value}); err != nil {
			t.Errorf("%q: %v", value, err)
		} else if got := s.BodyOf(target.Records); got != want {
			t.Errorf("%q: body %d, want %d", value, got, want)
		}
		if err := s.CheckMirror(true); (err == nil) != (want == target.Records) {
			t.Errorf("%q for a copy: %v", value, err)
		}
	}
	if err := config.Decode(&formed{}, map[string]string{"payload": "cloudevents-binary"}); err == nil {
		t.Error("a kind without attributes takes the binary mode")
	}
}
