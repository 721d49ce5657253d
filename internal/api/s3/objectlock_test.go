package s3api_test

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

const (
	farDate     = "2099-01-01T00:00:00.000Z"
	fartherDate = "2099-06-01T00:00:00.000Z"
	passedDate  = "2001-01-01T00:00:00Z"

	lockModeHeader  = "X-Amz-Object-Lock-Mode"
	lockUntilHeader = "X-Amz-Object-Lock-Retain-Until-Date"
	legalHoldHeader = "X-Amz-Object-Lock-Legal-Hold"
)

func bypassing() headers { return headers{"X-Amz-Bypass-Governance-Retention": "true"} }

// s3XML is a document in S3's namespace.
func s3XML(root, content string) string {
	return `<` + root + ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + content + `</` + root + `>`
}

// lockXML is a configuration whose default retention has the given elements.
func lockXML(retention string) string {
	content := "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"
	if retention != "" {
		content += "<Rule><DefaultRetention>" + retention + "</DefaultRetention></Rule>"
	}
	return s3XML("ObjectLockConfiguration", content)
}

func retentionXML(mode, until string) string {
	return s3XML("Retention", "<Mode>"+mode+"</Mode><RetainUntilDate>"+until+"</RetainUntilDate>")
}

func holdXML(status string) string { return s3XML("LegalHold", "<Status>"+status+"</Status>") }

// locked makes a bucket with object lock.
func (s *site) locked(t testing.TB, name string) {
	t.Helper()
	if err := s.service.CreateLockedBucket(t.Context(), event.Request{}, name, ""); err != nil {
		t.Fatal(err)
	}
}

// lockStep is a request and its answer; of a good one with a body, want is all of
// it, of an error a part.
type lockStep struct {
	name         string
	method, path string
	body         string
	header       headers
	status       int
	code, want   string
}

func (s *site) lockSteps(t *testing.T, steps []lockStep) {
	t.Helper()
	for _, step := range steps {
		a := s.do(t, raw{method: step.method, path: step.path, body: step.body, header: step.header})
		if a.StatusCode != step.status || a.code(t) != step.code {
			t.Errorf("%s: %s %s: %d, want %d %s: %s", step.name, step.method, step.path, a.StatusCode, step.status, step.code, a.body)
		}
		if step.code == "" && step.want != "" && a.body != xml.Header+step.want || !strings.Contains(a.body, step.want) {
			t.Errorf("%s: %s %s: %s, want %s", step.name, step.method, step.path, a.body, step.want)
		}
	}
}

func TestObjectLockConfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "plain")
	versioning := func(state string) string {
		return s3XML("VersioningConfiguration", "<Status>"+state+"</Status>")
	}
	days := lockXML("<Mode>GOVERNANCE</Mode><Days>3</Days>")
	years := lockXML("<Mode>COMPLIANCE</Mode><Years>100</Years>")
	bad := func(name, document, code, want string) lockStep {
		return lockStep{name: name, method: "PUT", path: "/bkt?object-lock", body: document, status: 400, code: code, want: want}
	}
	s.lockSteps(t, []lockStep{
		{"made with lock", "PUT", "/bkt", "", headers{"X-Amz-Bucket-Object-Lock-Enabled": "true"}, 200, "", ""},
		{"made again", "PUT", "/bkt", "", headers{"X-Amz-Bucket-Object-Lock-Enabled": "true"}, 409, "BucketAlreadyOwnedByYou", ""},
		{"made without", "PUT", "/other", "", headers{"X-Amz-Bucket-Object-Lock-Enabled": "false"}, 200, "", ""},
		{"versioning is enabled", "GET", "/bkt?versioning", "", nil, 200, "", versioning("Enabled")},
		{"and stays", "PUT", "/bkt?versioning", versioning("Suspended"), nil, 409, "InvalidBucketState", "cannot be changed"},
		{"enabled again", "PUT", "/bkt?versioning", versioning("Enabled"), nil, 200, "", ""},
		{"no default", "GET", "/bkt?object-lock", "", nil, 200, "", lockXML("")},
		{"days", "PUT", "/bkt?object-lock", days, nil, 200, "", ""},
		{"days", "GET", "/bkt?object-lock", "", nil, 200, "", days},
		{"the longest in years", "PUT", "/bkt?object-lock", years, nil, 200, "", ""},
		{"the longest in days", "PUT", "/bkt?object-lock", lockXML("<Mode>COMPLIANCE</Mode><Days>36500</Days>"), nil, 200, "", ""},
		{"years", "PUT", "/bkt?object-lock", years, nil, 200, "", ""},
		bad("not XML", "x", "MalformedXML", ""),
		bad("not enabled", s3XML("ObjectLockConfiguration", ""), "MalformedXML", ""),
		bad("disabled", s3XML("ObjectLockConfiguration", "<ObjectLockEnabled>Disabled</ObjectLockEnabled>"), "MalformedXML", ""),
		bad("a rule without default", s3XML("ObjectLockConfiguration", "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule/>"), "MalformedXML", ""),
		bad("two rules", s3XML("ObjectLockConfiguration", "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule/><Rule/>"), "MalformedXML", ""),
		bad("days and years", lockXML("<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>"), "MalformedXML", ""),
		bad("neither", lockXML("<Mode>GOVERNANCE</Mode>"), "MalformedXML", ""),
		bad("another mode", lockXML("<Mode>governance</Mode><Days>1</Days>"), "MalformedXML", ""),
		bad("no mode", lockXML("<Days>1</Days>"), "MalformedXML", ""),
		bad("no number", lockXML("<Mode>GOVERNANCE</Mode><Days>one</Days>"), "MalformedXML", ""),
		bad("no days", lockXML("<Mode>GOVERNANCE</Mode><Days>0</Days>"), "InvalidRetentionPeriod", ""),
		bad("less than none", lockXML("<Mode>GOVERNANCE</Mode><Years>-1</Years>"), "InvalidRetentionPeriod", ""),
		bad("too many days", lockXML("<Mode>GOVERNANCE</Mode><Days>36501</Days>"), "InvalidRetentionPeriod", ""),
		bad("too many years", lockXML("<Mode>GOVERNANCE</Mode><Years>101</Years>"), "InvalidRetentionPeriod", ""),
		bad("too large", strings.Repeat(" ", 65<<10), "MaxMessageLengthExceeded", ""),
		{"what was refused changed nothing", "GET", "/bkt?object-lock", "", nil, 200, "", years},
		{"default removed", "PUT", "/bkt?object-lock", lockXML(""), nil, 200, "", ""},
		{"default removed", "GET", "/bkt?object-lock", "", nil, 200, "", lockXML("")},
		{"cannot be deleted", "DELETE", "/bkt?object-lock", "", nil, 405, "MethodNotAllowed", ""},
		{"without versions", "GET", "/plain?object-lock", "", nil, 404, "ObjectLockConfigurationNotFoundError", ""},
		{"without versions", "PUT", "/plain?object-lock", days, nil, 409, "InvalidBucketState", "Versioning must be 'Enabled'"},
		{"with versions suspended", "PUT", "/plain?versioning", versioning("Suspended"), nil, 200, "", ""},
		{"with versions suspended", "PUT", "/plain?object-lock", days, nil, 409, "InvalidBucketState", ""},
		{"given to an existing bucket", "PUT", "/plain?versioning", versioning("Enabled"), nil, 200, "", ""},
		{"given to an existing bucket", "PUT", "/plain?object-lock", days, nil, 200, "", ""},
		{"given to an existing bucket", "GET", "/plain?object-lock", "", nil, 200, "", days},
		{"given to an existing bucket", "PUT", "/plain?versioning", versioning("Suspended"), nil, 409, "InvalidBucketState", ""},
		{"of no bucket", "GET", "/none?object-lock", "", nil, 404, "NoSuchBucket", ""},
		{"of no bucket", "PUT", "/none?object-lock", days, nil, 404, "NoSuchBucket", ""},
	})
}

// TestRetention goes through what may become of a retention.
func TestRetention(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.locked(t, "bkt")
	s.bucket(t, "plain")
	s.store(t, "plain", "k", "body", nil)
	version := s.store(t, "bkt", "k", "body", nil).VersionID
	s.store(t, "bkt", "marked", "body", nil)
	marker := s.mark(t, "bkt", "marked")
	const path = "/bkt/k?retention"
	put := func(name, mode, until string, header headers, status int, code string) lockStep {
		return lockStep{name: name, method: "PUT", path: path, body: retentionXML(mode, until), header: header, status: status, code: code}
	}
	bad := func(name, document, code, want string) lockStep {
		return lockStep{name: name, method: "PUT", path: path, body: document, status: 400, code: code, want: want}
	}
	remove := func(name string, header headers) lockStep {
		return lockStep{name, "DELETE", "/bkt/k?versionId=" + version, "", header, 403, "AccessDenied", "object protected by object lock"}
	}
	is := func(mode, until string) lockStep {
		return lockStep{name: "is " + mode, method: "GET", path: path, status: 200, want: retentionXML(mode, until)}
	}
	empty := s3XML("Retention", "")
	s.lockSteps(t, []lockStep{
		{"none yet", "GET", path, "", nil, 404, "NoSuchObjectLockConfiguration", ""},
		bad("not XML", "x", "MalformedXML", ""),
		bad("another document", holdXML("ON"), "MalformedXML", ""),
		bad("another mode", retentionXML("governance", farDate), "MalformedXML", ""),
		bad("no mode", retentionXML("", farDate), "MalformedXML", ""),
		bad("no date", retentionXML("GOVERNANCE", ""), "MalformedXML", ""),
		bad("a date without time", retentionXML("GOVERNANCE", "2099-01-01"), "MalformedXML", ""),
		bad("a date that passed", retentionXML("GOVERNANCE", passedDate), "InvalidArgument", "The retain until date must be in the future!"),
		{"ending none", "PUT", path, empty, nil, 200, "", ""},
		put("governance", "GOVERNANCE", "2099-01-01T02:00:00+02:00", nil, 200, ""),
		is("GOVERNANCE", farDate),
		remove("governance", nil),
		put("longer", "GOVERNANCE", fartherDate, nil, 200, ""),
		put("shorter", "GOVERNANCE", farDate, nil, 403, "AccessDenied"),
		put("another mode", "COMPLIANCE", fartherDate, nil, 403, "AccessDenied"),
		{"ended", "PUT", path, empty, nil, 403, "AccessDenied", ""},
		is("GOVERNANCE", fartherDate),
		put("shorter, bypassed", "GOVERNANCE", farDate, bypassing(), 200, ""),
		put("passed, bypassed", "GOVERNANCE", passedDate, bypassing(), 400, "InvalidArgument"),
		{"ended, bypassed", "PUT", path, empty, bypassing(), 200, "", ""},
		{"ended", "GET", path, "", nil, 404, "NoSuchObjectLockConfiguration", ""},
		put("governance again", "GOVERNANCE", fartherDate, nil, 200, ""),
		put("another mode, bypassed", "COMPLIANCE", farDate, bypassing(), 200, ""),
		remove("compliance", bypassing()),
		put("shorter", "COMPLIANCE", "2098-01-01T00:00:00Z", bypassing(), 403, "AccessDenied"),
		put("another mode", "GOVERNANCE", fartherDate, bypassing(), 403, "AccessDenied"),
		{"ended, bypassed", "PUT", path, empty, bypassing(), 403, "AccessDenied", ""},
		put("the same", "COMPLIANCE", farDate, nil, 200, ""),
		put("longer", "COMPLIANCE", fartherDate, nil, 200, ""),
		is("COMPLIANCE", fartherDate),
		{"by its version", "GET", path + "&versionId=" + version, "", nil, 200, "", retentionXML("COMPLIANCE", fartherDate)},
		{"of no version", "GET", path + "&versionId=" + noVersion, "", nil, 404, "NoSuchVersion", ""},
		{"of no key", "GET", "/bkt/none?retention", "", nil, 404, "NoSuchKey", ""},
		{"of a marker", "PUT", "/bkt/marked?retention&versionId=" + marker, retentionXML("GOVERNANCE", farDate), nil, 405, "MethodNotAllowed", ""},
		{"in a bucket without lock", "GET", "/plain/k?retention", "", nil, 400, "InvalidRequest", "Bucket is missing Object Lock Configuration"},
		{"in a bucket without lock", "PUT", "/plain/k?retention", retentionXML("GOVERNANCE", farDate), nil, 400, "InvalidRequest", "Bucket is missing Object Lock Configuration"},
		{"in no bucket", "PUT", "/none/k?retention", retentionXML("GOVERNANCE", farDate), nil, 404, "NoSuchBucket", ""},
		{"a plain delete makes a marker", "DELETE", "/bkt/k", "", nil, 204, "", ""},
		remove("below a marker", bypassing()),
		{"the bucket is not empty", "DELETE", "/bkt", "", nil, 409, "BucketNotEmpty", ""},
	})
	// The clock decides, not whoever asks.
	over := time.Date(2099, 6, 1, 0, 0, 0, 0, time.UTC)
	s.frozen.Store(&over)
	s.lockSteps(t, []lockStep{{"over", "DELETE", "/bkt/k?versionId=" + version, "", nil, 204, "", ""}})
}

func TestLegalHold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.locked(t, "bkt")
	s.bucket(t, "plain")
	s.store(t, "plain", "k", "body", nil)
	version := s.store(t, "bkt", "k", "body", nil).VersionID
	const path = "/bkt/k?legal-hold"
	s.lockSteps(t, []lockStep{
		{"none yet", "GET", path, "", nil, 404, "NoSuchObjectLockConfiguration", ""},
		{"not XML", "PUT", path, "x", nil, 400, "MalformedXML", ""},
		{"no state", "PUT", path, holdXML(""), nil, 400, "MalformedXML", ""},
		{"another state", "PUT", path, holdXML("on"), nil, 400, "MalformedXML", ""},
		{"on", "PUT", path, holdXML("ON"), nil, 200, "", ""},
		{"on", "GET", path + "&versionId=" + version, "", nil, 200, "", holdXML("ON")},
		{"held", "DELETE", "/bkt/k?versionId=" + version, "", bypassing(), 403, "AccessDenied", "object protected by object lock"},
		{"retained too", "PUT", "/bkt/k?retention", retentionXML("GOVERNANCE", farDate), nil, 200, "", ""},
		{"off", "PUT", path, holdXML("OFF"), nil, 200, "", ""},
		{"off", "GET", path, "", nil, 200, "", holdXML("OFF")},
		{"retained still", "DELETE", "/bkt/k?versionId=" + version, "", nil, 403, "AccessDenied", ""},
		{"bypassed", "DELETE", "/bkt/k?versionId=" + version, "", bypassing(), 204, "", ""},
		{"of no key", "PUT", path, holdXML("ON"), nil, 404, "NoSuchKey", ""},
		{"in a bucket without lock", "GET", "/plain/k?legal-hold", "", nil, 400, "InvalidRequest", "Bucket is missing Object Lock Configuration"},
		{"in a bucket without lock", "PUT", "/plain/k?legal-hold", holdXML("ON"), nil, 400, "InvalidRequest", "Bucket is missing Object Lock Configuration"},
	})
}

// TestLocksOfNewObjects: locks that come with an object, the default where none
// does, and what is refused.
func TestLocksOfNewObjects(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	now := time.Date(2030, 2, 28, 12, 0, 0, 0, time.UTC)
	s.frozen.Store(&now)
	s.locked(t, "bkt")
	s.bucket(t, "plain")
	lock := headers{lockModeHeader: "COMPLIANCE", lockUntilHeader: farDate, legalHoldHeader: "ON"}
	held := headers{legalHoldHeader: "ON"}
	byDefault := headers{lockModeHeader: "GOVERNANCE", lockUntilHeader: "2032-02-28T12:00:00.000Z", legalHoldHeader: ""}
	none := headers{lockModeHeader: "", lockUntilHeader: "", legalHoldHeader: ""}
	ways := map[string]func(key string, header headers) answer{
		"put": func(key string, header headers) answer {
			return s.do(t, raw{method: "PUT", path: "/bkt/" + key, body: "x", header: header})
		},
		"copy": func(key string, header headers) answer {
			with := headers{"X-Amz-Copy-Source": "bkt/source"}
			for name, value := range header {
				with[name] = value
			}
			return s.do(t, raw{method: "PUT", path: "/bkt/" + key, header: with})
		},
		"upload": func(key string, header headers) answer {
			a := s.do(t, raw{method: "POST", path: "/bkt/" + key + "?uploads", header: header})
			if a.StatusCode != 200 {
				return a
			}
			var upload struct{ UploadId string }
			mustParse(t, a, &upload)
			part := s.do(t, raw{method: "PUT", path: "/bkt/" + key + "?partNumber=1&uploadId=" + upload.UploadId, body: "x"})
			return s.do(t, raw{method: "POST", path: "/bkt/" + key + "?uploadId=" + upload.UploadId, body: "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
				part.Header.Get("Etag") + "</ETag></Part></CompleteMultipartUpload>"})
		},
		"form": func(key string, header headers) answer {
			fields, conditions := map[string]string{"key": key}, `{"bucket":"bkt"},{"key":"`+key+`"}`
			for name, value := range header {
				fields[strings.ToLower(name)] = value
				conditions += fmt.Sprintf(`,{%q:%q}`, strings.ToLower(name), value)
			}
			return s.post(t, version2(`{"expiration":`+later+`,"conditions":[`+conditions+`]}`, fields), "f", "x")
		},
	}
	if a := ways["put"]("source", lock); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	for way, make := range ways {
		setDefault := func(keep object.DefaultRetention) {
			if err := s.service.SetLockConfig(t.Context(), "bkt", object.LockConfig{Default: keep}); err != nil {
				t.Fatal(err)
			}
		}
		for _, tt := range []struct {
			name   string
			keep   object.DefaultRetention
			header headers
			want   headers
		}{
			{"none", object.DefaultRetention{}, nil, none},
			{"its own", object.DefaultRetention{}, lock, lock},
			{"its own before the default", object.DefaultRetention{Mode: object.Governance, Years: 2}, lock, lock},
			{"the default", object.DefaultRetention{Mode: object.Governance, Years: 2}, nil, byDefault},
			{"days", object.DefaultRetention{Mode: object.Compliance, Days: 2}, nil, headers{lockModeHeader: "COMPLIANCE", lockUntilHeader: "2030-03-02T12:00:00.000Z"}},
			{"a hold beside the default", object.DefaultRetention{Mode: object.Governance, Years: 2}, held, headers{lockModeHeader: "GOVERNANCE", legalHoldHeader: "ON"}},
		} {
			setDefault(tt.keep)
			key := way + strings.ReplaceAll(tt.name, " ", "-")
			if a := make(key, tt.header); a.StatusCode/100 != 2 {
				t.Errorf("%s with %s: %d %s", way, tt.name, a.StatusCode, a.body)
			}
			for _, method := range []string{"GET", "HEAD"} {
				wantHeaders(t, method+" of a "+way+" with "+tt.name, s.do(t, raw{method: method, path: "/bkt/" + key}), tt.want)
			}
		}
		for _, tt := range []struct{ name, mode, until, hold, want string }{
			{"a mode alone", "GOVERNANCE", "", "", "must both be supplied"},
			{"a date alone", "", farDate, "", "must both be supplied"},
			{"another mode", "governance", farDate, "", "Unknown wormMode directive."},
			{"another date", "GOVERNANCE", "2099-01-01", "", "must be provided in ISO 8601 format"},
			{"a date that passed", "GOVERNANCE", "2030-02-28T12:00:00Z", "", "must be in the future!"},
			{"another hold", "", "", "on", "either of"},
		} {
			header := headers{}
			for name, value := range map[string]string{lockModeHeader: tt.mode, lockUntilHeader: tt.until, legalHoldHeader: tt.hold} {
				if value != "" {
					header[name] = value
				}
			}
			if a := make("refused", header); a.StatusCode != 400 || a.code(t) != "InvalidArgument" || !strings.Contains(a.body, tt.want) {
				t.Errorf("%s with %s: %d %s", way, tt.name, a.StatusCode, a.body)
			}
		}
	}
	if a := s.do(t, raw{method: "HEAD", path: "/bkt/refused"}); a.StatusCode != 404 {
		t.Errorf("something that was refused is there: %d", a.StatusCode)
	}
	unguarded := headers{lockModeHeader: "GOVERNANCE", lockUntilHeader: farDate, "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}
	guarded := headers{lockModeHeader: "GOVERNANCE", lockUntilHeader: farDate, "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD", "Content-Md5": contentMD5("x")}
	s.lockSteps(t, []lockStep{
		{"bytes that nothing guards", "PUT", "/bkt/k", "x", unguarded, 400, "InvalidRequest", "Content-MD5 OR x-amz-checksum-"},
		{"bytes that MD5 guards", "PUT", "/bkt/k", "x", guarded, 200, "", ""},
		{"no lock in the bucket", "PUT", "/plain/k", "x", lock, 400, "InvalidRequest", "Bucket is missing Object Lock Configuration"},
		{"no lock in the bucket of a copy", "PUT", "/plain/k", "", headers{"X-Amz-Copy-Source": "bkt/source", legalHoldHeader: "OFF"}, 400, "InvalidRequest", "Bucket is missing"},
		{"no lock in the bucket of an upload", "POST", "/plain/k?uploads", "", held, 400, "InvalidRequest", "Bucket is missing"},
	})
}

// TestLocksOfArchives: the files of an archive have its lock.
func TestLocksOfArchives(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.locked(t, "bkt")
	if a := s.extract(t, archive(t, "a", "b"), legalHoldHeader, "ON"); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	for _, key := range []string{"a", "b"} {
		wantHeaders(t, key, s.do(t, raw{method: "HEAD", path: "/bkt/" + key}), headers{legalHoldHeader: "ON"})
	}
	if a := s.extract(t, archive(t, "c"), legalHoldHeader, "on"); a.StatusCode != 400 || a.code(t) != "InvalidArgument" {
		t.Errorf("a wrong hold: %d %s", a.StatusCode, a.body)
	}
}

// TestDeleteObjectsWithLocks: each version of a batch has its own result.
func TestDeleteObjectsWithLocks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.locked(t, "bkt")
	var document strings.Builder
	for _, key := range []string{"free", "governed", "held"} {
		id := s.store(t, "bkt", key, "body", nil).VersionID
		fmt.Fprintf(&document, "<Object><Key>%s</Key><VersionId>%s</VersionId></Object>", key, id)
	}
	document.WriteString("<Object><Key>held</Key></Object>")
	s.lockSteps(t, []lockStep{
		{"governed", "PUT", "/bkt/governed?retention", retentionXML("GOVERNANCE", farDate), nil, 200, "", ""},
		{"held", "PUT", "/bkt/held?legal-hold", holdXML("ON"), nil, 200, "", ""},
	})
	body := s3XML("Delete", document.String())
	results := func(header headers) (deleted, refused []string) {
		with := headers{"Content-Md5": contentMD5(body)}
		for name, value := range header {
			with[name] = value
		}
		var out struct {
			Deleted []struct {
				Key          string
				DeleteMarker bool
			}
			Error []struct{ Key, Code string }
		}
		mustParse(t, s.do(t, raw{method: "POST", path: "/bkt?delete", body: body, header: with}), &out)
		for _, d := range out.Deleted {
			deleted = append(deleted, fmt.Sprint(d.Key, " ", d.DeleteMarker))
		}
		for _, e := range out.Error {
			refused = append(refused, e.Key+" "+e.Code)
		}
		return deleted, refused
	}
	for _, tt := range []struct {
		header           headers
		deleted, refused string
	}{
		{nil, "[free false held true]", "[governed AccessDenied held AccessDenied]"},
		{bypassing(), "[free false governed false held true]", "[held AccessDenied]"},
	} {
		if deleted, refused := results(tt.header); fmt.Sprint(deleted) != tt.deleted || fmt.Sprint(refused) != tt.refused {
			t.Errorf("with %v: deleted %v, refused %v", tt.header, deleted, refused)
		}
	}
}

// TestLocksInPolicies: the rights that locks take, and rights that depend on them.
func TestLocksInPolicies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.locked(t, "bkt")
	info := s.store(t, "bkt", "k", "body", nil)
	retain := headers{lockModeHeader: "GOVERNANCE", lockUntilHeader: farDate, "Content-Md5": contentMD5("x")}
	hold := headers{legalHoldHeader: "ON", "Content-Md5": contentMD5("x")}
	until := func(days int) string {
		return time.Now().Add(time.Duration(days) * 24 * time.Hour).UTC().Format(time.RFC3339)
	}
	atMost := `,"Condition":{"NumericLessThanEquals":{"s3:object-lock-remaining-retention-days":"10"}}`
	mode := `,"Condition":{"StringEquals":{"s3:object-lock-mode":"GOVERNANCE"}}`
	before := `,"Condition":{"DateLessThan":{"s3:object-lock-retain-until-date":"2099-03-01T00:00:00Z"}}`
	off := `,"Condition":{"StringEquals":{"s3:object-lock-legal-hold":"OFF"}}`
	put := func(header headers) raw { return raw{method: "PUT", path: "/bkt/new", body: "x", header: header} }
	retention := func(mode, until string) raw {
		return raw{method: "PUT", path: "/bkt/k?retention", body: retentionXML(mode, until)}
	}
	legalHold := func(state string) raw { return raw{method: "PUT", path: "/bkt/k?legal-hold", body: holdXML(state)} }
	remove := raw{method: "DELETE", path: "/bkt/k?versionId=" + info.VersionID, header: bypassing()}
	for name, tt := range map[string]struct {
		policy string
		in     raw
		status int
	}{
		"put, retained":                 {grant(`"Action":"s3:PutObject"`), put(retain), 403},
		"put, retained, granted":        {grant(`"Action":["s3:PutObject","s3:PutObjectRetention"]`), put(retain), 200},
		"put, held":                     {grant(`"Action":["s3:PutObject","s3:PutObjectRetention"]`), put(hold), 403},
		"put, held, granted":            {grant(`"Action":["s3:PutObject","s3:PutObjectLegalHold"]`), put(hold), 200},
		"upload, held":                  {grant(`"Action":"s3:PutObject"`), raw{method: "POST", path: "/bkt/new?uploads", header: hold}, 403},
		"copy, held":                    {grant(`"Action":["s3:GetObject","s3:PutObject"]`), raw{method: "PUT", path: "/bkt/new", header: headers{"X-Amz-Copy-Source": "bkt/k", legalHoldHeader: "ON"}}, 403},
		"bucket with lock":              {grant(`"Action":"s3:GetObject"`), raw{method: "PUT", path: "/new", header: headers{"X-Amz-Bucket-Object-Lock-Enabled": "true"}}, 403},
		"few days":                      {grant(`"Action":["s3:PutObject","s3:PutObjectRetention"]` + atMost), put(headers{lockModeHeader: "GOVERNANCE", lockUntilHeader: until(10), "Content-Md5": contentMD5("x")}), 200},
		"too many days":                 {grant(`"Action":["s3:PutObject","s3:PutObjectRetention"]` + atMost), put(retain), 403},
		"few days in a document":        {grant(`"Action":"s3:PutObjectRetention"` + atMost), retention("GOVERNANCE", until(9)), 200},
		"too many days in one":          {grant(`"Action":"s3:PutObjectRetention"` + atMost), retention("GOVERNANCE", until(12)), 403},
		"the mode":                      {grant(`"Action":"s3:PutObjectRetention"` + mode), retention("GOVERNANCE", farDate), 200},
		"another mode":                  {grant(`"Action":"s3:PutObjectRetention"` + mode), retention("COMPLIANCE", farDate), 403},
		"the date":                      {grant(`"Action":"s3:PutObjectRetention"` + before), retention("GOVERNANCE", farDate), 200},
		"another date":                  {grant(`"Action":"s3:PutObjectRetention"` + before), retention("GOVERNANCE", fartherDate), 403},
		"the hold":                      {grant(`"Action":"s3:PutObjectLegalHold"` + off), legalHold("OFF"), 200},
		"another hold":                  {grant(`"Action":"s3:PutObjectLegalHold"` + off), legalHold("ON"), 403},
		"bad and denied":                {grant(`"Action":"s3:GetObject"`), raw{method: "PUT", path: "/bkt/k?retention", body: "bad"}, 403},
		"delete, bypass not granted":    {grant(`"Action":["s3:GetObject","s3:DeleteObjectVersion"]`), remove, 403},
		"retention, bypass not granted": {grant(`"Action":"s3:PutObjectRetention"`), raw{method: "PUT", path: "/bkt/k?retention", body: s3XML("Retention", ""), header: bypassing()}, 403},
		"retention, bypass granted":     {grant(`"Action":["s3:PutObjectRetention","s3:BypassGovernanceRetention"]`), raw{method: "PUT", path: "/bkt/k?retention", body: s3XML("Retention", ""), header: bypassing()}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			in := object.RetentionInput{Bucket: "bkt", Key: "k", VersionID: info.VersionID, Bypass: true, Retention: object.Retention{
				Mode: object.Governance, Until: time.Now().Add(time.Hour),
			}}
			if _, err := s.service.SetRetention(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			s.setPolicy(t, tt.policy)
			tt.in.unsigned = true
			if a := s.do(t, tt.in); a.StatusCode != tt.status {
				t.Errorf("%d: %s", a.StatusCode, a.body)
			}
		})
	}
	for actions, want := range map[string]headers{
		`"s3:GetObject"`: {lockModeHeader: "", lockUntilHeader: "", legalHoldHeader: ""},
		`["s3:GetObject","s3:GetObjectRetention"]`: {lockModeHeader: "COMPLIANCE", lockUntilHeader: farDate, legalHoldHeader: ""},
		`["s3:GetObject","s3:GetObjectLegalHold"]`: {lockModeHeader: "", lockUntilHeader: "", legalHoldHeader: "ON"},
	} {
		s.lockSteps(t, []lockStep{{"locked", "PUT", "/bkt/both", "x", headers{lockModeHeader: "COMPLIANCE", lockUntilHeader: farDate, legalHoldHeader: "ON"}, 200, "", ""}})
		s.setPolicy(t, grant(`"Action":`+actions))
		wantHeaders(t, actions, s.do(t, raw{method: "GET", path: "/bkt/both", unsigned: true}), want)
	}
	s.setPolicy(t, grant(`"Action":["s3:DeleteObjectVersion","s3:BypassGovernanceRetention"]`))
	remove.unsigned = true
	if a := s.do(t, remove); a.StatusCode != 204 {
		t.Errorf("delete, bypass granted: %d %s", a.StatusCode, a.body)
	}
}
