// Package telemetry declares the metrics of the server, counts what happens, and
// asks its sources for the rest when it is scraped. It knows nobody: whoever
// counts is given a *Requests, *Target or *Commits, and a source is a function
// of Config.
//
// A metric is declared once, where it is made (requests.go, delivery.go,
// store.go, buckets.go); docs/metrics.md is written from those declarations.
//
// Counting costs a few atomic operations and allocates nothing: every series is
// looked up when its operation or target is first seen, and kept. No label holds
// an object's key, and only the group Buckets holds buckets' names.
package telemetry
