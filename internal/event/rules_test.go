package event_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
)

// TestFilterAgainstPeer compares with which of about 40 keys MinIO sent events
// for, under each of 48 pairs of prefix and suffix.
func TestFilterAgainstPeer(t *testing.T) {
	t.Parallel()
	var cases []struct {
		Prefix, Suffix string
		Match, Other   []string
	}
	readGolden(t, "filter.json", &cases)
	for _, tc := range cases {
		f := event.NewFilter(tc.Prefix, tc.Suffix)
		for _, key := range tc.Match {
			if !f.Match(key) {
				t.Errorf("prefix %q, suffix %q: %q does not match", tc.Prefix, tc.Suffix, key)
			}
		}
		for _, key := range tc.Other {
			if f.Match(key) {
				t.Errorf("prefix %q, suffix %q: %q matches", tc.Prefix, tc.Suffix, key)
			}
		}
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prefix, suffix, key string
		want                bool
	}{
		"none":                        {"", "", "anything", true},
		"prefix":                      {"img/", "", "img/1", true},
		"prefix alone":                {"img/", "", "img/", true},
		"not the prefix":              {"img/", "", "imgs/1", false},
		"suffix":                      {"", ".jpg", "a.jpg", true},
		"suffix alone":                {"", ".jpg", ".jpg", true},
		"suffix is not in the middle": {"", ".jpg", "a.jpg.bak", false},
		"both":                        {"img/", ".jpg", "img/.jpg", true},
		"no overlap":                  {"abc", "bcd", "abcd", false},
		"side by side":                {"abc", "bcd", "abcbcd", true},
		"not decoded":                 {"a+b/", "", "a b/x", false},
		"raw":                         {"a b/", "", "a b/x", true},
		"star":                        {"img*x/", "", "imgANYx/1", true},
		"question mark":               {"a?c", "", "abc", true},
		"question mark is one byte":   {"a?c", "", "aéc", false},
		"question mark at the end":    {"a?c", "", "a", true},
		"bucket event":                {"", "", "", true},
		"bucket event with prefix":    {"a", "", "", false},
	}
	for name, tc := range tests {
		if got := event.NewFilter(tc.prefix, tc.suffix).Match(tc.key); got != tc.want {
			t.Errorf("%s: prefix %q suffix %q key %q: %v", name, tc.prefix, tc.suffix, tc.key, got)
		}
	}
	if !(event.Filter{}).Match("x") {
		t.Error("the zero Filter does not match")
	}
}

func TestRulesMatch(t *testing.T) {
	t.Parallel()
	every := event.Site{Known: func(event.TargetID) bool { return true }}
	rules := parseConfig(t, document(
		filter("img/", "")+queue("arn:minio:sqs::2:webhook", "s3:ObjectCreated:*"),
		filter("", ".jpg")+queue("arn:minio:sqs::2:webhook", "s3:ObjectCreated:Put"),
		queue("arn:minio:sqs::1:webhook", "s3:ObjectRemoved:Delete", "s3:BucketRemoved"),
		queue("arn:minio:sqs::_:kafka", "s3:ObjectRemoved:*", "s3:ObjectCreated:Copy"),
	), every).Rules()
	kafka, one, two := event.TargetID{ID: "_", Type: "kafka"}, webhook("1"), webhook("2")

	tests := map[string]struct {
		name event.Name
		key  string
		want []event.TargetID
	}{
		"two rules, one target":  {event.ObjectCreatedPut, "img/1.jpg", []event.TargetID{two}},
		"first rule":             {event.ObjectCreatedPutTagging, "img/1.jpg", []event.TargetID{two}},
		"second rule":            {event.ObjectCreatedPut, "1.jpg", []event.TargetID{two}},
		"no filter matches":      {event.ObjectCreatedPut, "1.png", nil},
		"ordered by type and id": {event.ObjectRemovedDelete, "x", []event.TargetID{kafka, one}},
		"two types":              {event.ObjectCreatedCopy, "img/1", []event.TargetID{kafka, two}},
		"member of a group":      {event.ObjectRemovedNoOP, "x", []event.TargetID{kafka}},
		"no rule":                {event.ObjectAccessedGet, "img/1.jpg", nil},
		"bucket event":           {event.BucketRemoved, "", nil},
		"no such name":           {0, "img/1.jpg", nil},
		"number beyond all":      {200, "img/1.jpg", nil},
	}
	for name, tc := range tests {
		if diff := cmp.Diff(tc.want, rules.Match(tc.name, tc.key)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for name, want := range map[event.Name]bool{
		event.ObjectCreatedPost: true, event.ObjectRemovedNoOP: true,
		event.ObjectAccessedGet: false, event.BucketRemoved: false, event.ObjectRestorePost: false,
	} {
		if rules.Wants(name) != want {
			t.Errorf("Wants(%s) is %v", name, !want)
		}
	}
	var none *event.Rules
	if none.Wants(event.ObjectCreatedPut) || none.Match(event.ObjectCreatedPut, "x") != nil {
		t.Error("no rules match")
	}
}

func BenchmarkRulesMatch(b *testing.B) {
	c := &event.Config{}
	for i := range 100 {
		c.Queues = append(c.Queues, event.Queue{
			Filters: []event.FilterRule{{Name: "prefix", Value: fmt.Sprintf("tenant-%d/", i)}},
			Events:  []string{"s3:ObjectCreated:*"},
			Target:  webhook(fmt.Sprint(i % 4)),
		})
	}
	for name, rules := range map[string]*event.Rules{"none": nil, "hundred": c.Rules()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rules.Match(event.ObjectCreatedPut, "tenant-57/photos/2026/1.jpg")
			}
		})
	}
}
