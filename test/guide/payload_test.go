package guide

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestPayloads has one target after another form of its events, and looks at
// what its receiver gets.
func TestPayloads(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	receiver := harness.NewReceiver(t)
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/images")
	mc.OK("admin", "config", "set", "myminio", "notify_webhook:1", "endpoint="+receiver.URL())
	if got := mc.OK("admin", "config", "get", "myminio", "notify_webhook:1"); strings.Contains(got, "payload") {
		t.Errorf("payload is printed though it is not set: %s", got)
	}
	mc.OK("event", "add", "myminio/images", "arn:minio:sqs::1:webhook", "--event", "put")
	paths := map[string][]string{
		"minio":              {"EventName", "Records"},
		"aws":                {"Records"},
		"eventbridge":        {"detail-type", "detail"},
		"cloudevents":        {"specversion", "data"},
		"cloudevents-binary": {"eventVersion", "s3"},
	}
	for _, form := range []string{"aws", "eventbridge", "cloudevents", "cloudevents-binary", "minio"} {
		mc.OK("admin", "config", "set", "myminio", "notify_webhook:1", "payload="+form)
		if got := mc.OK("admin", "config", "get", "myminio", "notify_webhook:1"); !strings.Contains(got, "payload="+form) {
			t.Errorf("after set: %s", got)
		}
		mc.OK("cp", write(t, "a.jpg", form), "myminio/images/"+form)
		var d harness.Delivery
		receiver.Wait(t, "the event of "+form, func(all []harness.Delivery) bool {
			i := slices.IndexFunc(all, func(d harness.Delivery) bool { return strings.Contains(string(d.Body), `"key":"`+form+`"`) })
			if i >= 0 {
				d = all[i]
			}
			return i >= 0
		})
		var members map[string]json.RawMessage
		if err := json.Unmarshal(d.Body, &members); err != nil {
			t.Fatalf("%s: %v in %s", form, err, d.Body)
		}
		for _, name := range paths[form] {
			if _, ok := members[name]; !ok {
				t.Errorf("%s: no %s in %s", form, name, d.Body)
			}
		}
		if got := d.Header.Get("Ce-Type"); (got == "com.amazonaws.s3.ObjectCreated:Put") != (form == "cloudevents-binary") {
			t.Errorf("%s: ce-type %q", form, got)
		}
	}
	mc.Refused("admin", "config", "set", "myminio", "notify_webhook:1", "payload=pubsub")
	refused := mc.Refused("admin", "config", "set", "myminio", "notify_redis:1", "address=127.0.0.1:1", "key=k", "payload=aws")
	if !strings.Contains(refused, "format=namespace") {
		t.Errorf("a copy of the bucket takes another form: %s", refused)
	}
}
