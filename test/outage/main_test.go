// Package outage shows what happens to events and requests while targets are
// down, slow, hung, refusing or misconfigured.
package outage

import (
	"os"
	"slices"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

const bucket = "outage"

// all sends every change to a webhook target.
func all(id string) harness.Rule {
	return harness.Rule{ARN: harness.WebhookARN(id), Events: harness.AllChanges()}
}

// firstAccepted returns the deliveries of a key in the order in which the
// receiver first acknowledged each of them.
func firstAccepted(deliveries []harness.Delivery, key string) []harness.Delivery {
	var out []harness.Delivery
	got := make(map[string]bool)
	for _, d := range deliveries {
		if d.Key == key && d.Accepted() && !got[sequencer(d)] {
			got[sequencer(d)] = true
			out = append(out, d)
		}
	}
	return out
}

func sequencer(d harness.Delivery) string {
	if len(d.Records) != 1 {
		return ""
	}
	return d.Records[0].S3.Object.Sequencer
}

// inOrder says that sequencers rise.
func inOrder(deliveries []harness.Delivery) bool {
	return slices.IsSortedFunc(deliveries, func(a, b harness.Delivery) int {
		switch sa, sb := sequencer(a), sequencer(b); {
		case len(sa) != len(sb):
			return len(sa) - len(sb)
		case sa < sb:
			return -1
		case sa > sb:
			return 1
		}
		return 0
	})
}
