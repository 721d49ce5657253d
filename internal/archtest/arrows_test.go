package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// arrow says which packages of this module the packages at from may import.
// Paths are relative to the module; one that ends in /* means the folders right
// below, and one in /... a folder with all below it. The first arrow that fits a
// package is its own; a package that none fits is an error, so that a new one
// is put in its place.
type arrow struct {
	from   string
	to     []string
	reason string
}

// arrows are all there are. Tests may import what they like, except for what
// testOnly and wholeProgram say.
func arrows() []arrow {
	aKind := "a kind of target knows its contract, its settings and its own client library, and nothing of the server"
	kind := []string{"internal/notify/target", "internal/config", "internal/event"}
	database := append(slices.Clone(kind), "internal/notify/target/sqltable")
	engines := "an engine knows its contract and nothing of its users"
	return []arrow{
		{
			"cmd/...",
			[]string{"internal/server", "internal/config", "internal/api/admin/adminapi"},
			"a command turns flags into a configuration and runs the server, or asks a running one by its API",
		},
		{"internal/server", []string{"internal/..."}, "the server wires everything together"},

		{
			"internal/api/s3",
			[]string{
				"internal/object", "internal/iam", "internal/event", "internal/checksum", "internal/bucketconfig", "internal/cors", "internal/policy",
				"internal/s3",
			},
			"the S3 surface speaks to package object only",
		},
		{
			"internal/api/admin",
			[]string{
				"internal/object", "internal/iam", "internal/policy", "internal/config", "internal/notify", "internal/event", "internal/s3",
				"internal/journal", "internal/api/admin/adminapi",
			},
			"the admin surface knows objects, users, settings, delivery and, for what operators do to events, the journal; no store",
		},
		{
			"internal/api/sts",
			[]string{"internal/iam", "internal/openid", "internal/policy"},
			"the surface of temporary credentials knows users and issuers, and nothing that is stored",
		},
		{"internal/openid", []string{"internal/config"}, "issuers know their settings, and no users"},
		{"internal/openid/openidtest", nil, "an issuer for tests knows nobody"},
		{"internal/api/admin/adminapi", nil, "what both ends of the API see knows neither end"},
		{"internal/api/metrics", []string{"internal/iam", "internal/telemetry"}, "the surface of metrics knows users and what is measured, and none of those who measure"},
		{
			"internal/api/console",
			[]string{"internal/object", "internal/iam", "internal/config", "internal/notify", "internal/event", "internal/s3"},
			"the console knows objects, users, settings and delivery, and no store",
		},
		{
			"internal/object",
			[]string{"internal/kv", "internal/blob", "internal/journal", "internal/event", "internal/checksum", "internal/cors", "internal/policy", "internal/s3", "internal/sse"},
			"object joins the contracts of the stores, never an engine",
		},
		{"internal/journal", []string{"internal/kv", "internal/event"}, "the journal is a layout over kv"},
		{"internal/replicate", []string{"internal/object", "internal/journal", "internal/event", "internal/s3"}, "replication reads the journal and acts through object"},
		{"internal/lifecycle", []string{"internal/object", "internal/journal", "internal/event", "internal/bucketconfig", "internal/s3"}, "lifecycle scans and acts through object"},

		{
			"internal/notify",
			[]string{"internal/journal", "internal/kv", "internal/event", "internal/notify/target", "internal/notify/takeover", "internal/config"},
			"delivery reads the journal and knows targets by their contract only",
		},
		{"internal/notify/all", []string{"internal/notify/*"}, "the list of kinds is a list and nothing more"},
		{"internal/notify/target", []string{"internal/config", "internal/event"}, "the contract of targets knows nothing of the server"},
		{
			"internal/notify/target/targettest",
			[]string{"internal/notify/target", "internal/config", "internal/event"},
			"the suite of targets knows their contract",
		},
		{"internal/notify/spool", []string{"internal/journal"}, "a spool is what the journal asks for, and knows neither targets nor stores"},
		{"internal/notify/payload", []string{"internal/notify/target", "internal/event"}, "events become bodies, and nothing is sent"},
		{"internal/notify/takeover", []string{"internal/notify/target", "internal/event"}, "files become messages, which delivery sends"},
		{
			"internal/notify/target/sqltable",
			[]string{"internal/notify/target", "internal/config"},
			"what databases share is put upon the contract of targets",
		},
		{"internal/notify/mysql", database, aKind},
		{"internal/notify/postgres", database, aKind},
		{
			"internal/notify/*",
			kind,
			aKind,
		},

		{"internal/iam", []string{"internal/kv", "internal/checksum", "internal/policy", "internal/s3"}, "users live in kv, bodies come with checksums, and policies say who may do what"},
		{"internal/config", []string{"internal/kv"}, "stored settings live in kv"},
		{"internal/kv", nil, "a contract knows nobody"},
		{"internal/kv/kvtest", []string{"internal/kv", "internal/kv/memory", "internal/crashfs"}, "the suite of kv knows its contract, the model and the disk that crashes"},
		{"internal/kv/*", []string{"internal/kv"}, engines},
		{"internal/blob", nil, "a contract knows nobody"},
		{"internal/blob/blobtest", []string{"internal/blob", "internal/blob/memory", "internal/crashfs"}, "the suite of blob knows its contract, the model and the disk that crashes"},
		{"internal/blob/*", []string{"internal/blob"}, engines},
		{"internal/event", []string{"internal/s3"}, "event is vocabulary and pure"},
		{"internal/checksum", nil, "checksums are vocabulary and pure"},
		{"internal/accesslog", nil, "lines of a log know nobody; who stores them hands in how"},
		{"internal/bucketconfig", nil, "documents of a bucket's configuration are vocabulary and pure"},
		{"internal/cors", nil, "rules of other origins are vocabulary and pure"},
		{"internal/sse", nil, "encryption is a matter of bytes and keys, and pure"},
		{"internal/policy", nil, "policies are vocabulary and pure"},
		{"internal/s3", nil, "s3 is vocabulary and pure: the standard library only"},
		{"internal/telemetry", nil, "telemetry is used by all and knows nobody"},
		{"internal/certs", nil, "certificates are files and know nobody"},
		{"internal/crashfs", nil, "a file system knows nobody"},
		{"internal/brokertest", nil, "a broker is a program of somebody else's"},
		{"internal/archtest", nil, "rules look from outside"},

		{"test/...", []string{"test/...", "internal/brokertest"}, "whole-program tests drive the program from outside"},
		{"bench/...", []string{"bench/...", "internal/brokertest"}, "benchmarks drive the program from outside, and against the brokers that tests use"},
	}
}

// fits reports whether pattern, in the notation of arrow, holds for path.
func fits(pattern, path string) bool {
	if folder, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == folder || strings.HasPrefix(path, folder+"/")
	}
	if folder, ok := strings.CutSuffix(pattern, "/*"); ok {
		rest, ok := strings.CutPrefix(path, folder+"/")
		return ok && !strings.Contains(rest, "/")
	}
	return pattern == path
}

func anyFits(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return fits(p, path) })
}

// arrowOf returns the arrow of a package.
func arrowOf(table []arrow, path string) (arrow, bool) {
	// An exact path goes before patterns, wherever they stand.
	for _, exact := range []bool{true, false} {
		for _, a := range table {
			if exact == (a.from == path) && fits(a.from, path) {
				return a, true
			}
		}
	}
	return arrow{}, false
}

// checkArrows wants every import of a package of ours to be allowed.
func checkArrows(p *project) (bad []string) {
	for _, pkg := range p.packages {
		own, ok := arrowOf(p.arrows, pkg.path)
		if !ok {
			bad = append(bad, fmt.Sprintf("%s: no arrow says what it may import", pkg.path))
			continue
		}
		for _, imported := range p.ours(pkg.Imports) {
			if !anyFits(own.to, imported) {
				bad = append(bad, fmt.Sprintf("%s imports %s: %s", pkg.path, imported, own.reason))
			}
		}
	}
	return bad
}

// testOnly are the packages that only tests, and each other, may import.
func testOnly(path string) bool {
	last := path[strings.LastIndex(path, "/")+1:]
	return path == "internal/crashfs" || strings.HasSuffix(last, "test") || fits("test/...", path) || fits("bench/...", path)
}

// everywhere reports whether both the tests of packages and those of the whole
// program use a package: the brokers are the same for both.
func everywhere(path string) bool { return path == "internal/brokertest" }

// checkTestSupport keeps test support out of the program, and whole-program
// tests and benchmarks out of everything.
func checkTestSupport(p *project) (bad []string) {
	for _, pkg := range p.packages {
		for _, imported := range p.ours(pkg.Imports) {
			if testOnly(imported) && !testOnly(pkg.path) {
				bad = append(bad, fmt.Sprintf("%s imports %s: only tests may", pkg.path, imported))
			}
		}
		for _, imported := range p.ours(slices.Concat(pkg.TestImports, pkg.XTestImports)) {
			inside := fits("test/...", pkg.path) || fits("bench/...", pkg.path)
			outside := !fits("test/...", imported) && !fits("bench/...", imported)
			if inside == outside && !everywhere(imported) {
				bad = append(bad, fmt.Sprintf("tests of %s import %s: whole-program tests and packages stay apart", pkg.path, imported))
			}
		}
	}
	return bad
}

// checkPure keeps the vocabulary free of input, output and foreign code.
func checkPure(p *project) (bad []string) {
	impure := []string{"os/...", "net", "net/http/...", "syscall", "io/fs", "log/...", "database/...", "testing/...", "unsafe", "runtime/..."}
	for _, pkg := range p.packages {
		if pkg.path != "internal/s3" && pkg.path != "internal/event" {
			continue
		}
		for _, imported := range pkg.Imports {
			foreign := strings.Contains(strings.Split(imported, "/")[0], ".") && !strings.HasPrefix(imported, p.module+"/")
			if foreign || anyFits(impure, imported) {
				bad = append(bad, fmt.Sprintf("%s imports %s: it is pure", pkg.path, imported))
			}
		}
	}
	return bad
}
