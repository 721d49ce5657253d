package harness

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Metrics is what a scrape gave.
type Metrics map[string]*dto.MetricFamily

// Scrape reads the metrics at path with a bearer token, as Prometheus does; an
// empty token sends none. The status is that of the answer.
func (s *Server) Scrape(t testing.TB, path, token string) (Metrics, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("scrape %s: %v", path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, resp.StatusCode
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatalf("scrape %s: %v", path, err)
	}
	return families, resp.StatusCode
}

// Value is the value of the one series whose labels include these, given as
// name, value, …; of a histogram its count.
func (m Metrics) Value(name string, labels ...string) (float64, error) {
	var found []float64
	for _, s := range m[name].GetMetric() {
		if !hasLabels(s, labels) {
			continue
		}
		switch {
		case s.Counter != nil:
			found = append(found, s.Counter.GetValue())
		case s.Histogram != nil:
			found = append(found, float64(s.Histogram.GetSampleCount()))
		case s.Gauge != nil:
			found = append(found, s.Gauge.GetValue())
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d series of %s{%s}", len(found), name, strings.Join(labels, " "))
	}
	return found[0], nil
}

func hasLabels(s *dto.Metric, labels []string) bool {
	for i := 0; i+1 < len(labels); i += 2 {
		has := false
		for _, l := range s.Label {
			has = has || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
		}
		if !has {
			return false
		}
	}
	return true
}
