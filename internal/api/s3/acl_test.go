package s3api_test

import (
	"strings"
	"testing"
)

const (
	aclOwner   = "4f7f5c0e8b1b3f4d5ae1d51be1fd0a0bb1cfbe0eb2d8b4c1b7f0f2a2c9d86e35"
	aclPrivate = `<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><AccessControlList><Grant>` +
		`<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>` + aclOwner + `</ID></Grantee>` +
		`<Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>`
)

// TestACL: what can be said is what holds, of buckets and of objects.
func TestACL(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	s.store(t, "bkt", "k", "body", nil)
	read := strings.Replace(aclPrivate, "FULL_CONTROL", "READ", 1)
	for name, c := range map[string]struct {
		canned, grant, body string
		status              int
		code                string
	}{
		"private":          {"private", "", "", 200, ""},
		"the owner's all":  {"bucket-owner-full-control", "", "", 200, ""},
		"a document":       {"", "", aclPrivate, 200, ""},
		"both":             {"private", "", aclPrivate, 200, ""},
		"no owner's ID":    {"", "", strings.Replace(aclPrivate, aclOwner, "", 1), 200, ""},
		"another's ID":     {"", "", strings.Replace(aclPrivate, aclOwner, "0123", 1), 400, "AccessControlListNotSupported"},
		"less than all":    {"", "", read, 400, "AccessControlListNotSupported"},
		"both, one public": {"private", "", read, 400, "AccessControlListNotSupported"},
		"a group":          {"", "", strings.Replace(aclPrivate, "<ID>"+aclOwner+"</ID>", "<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>", 1), 400, "AccessControlListNotSupported"},
		"no grants":        {"", "", "<AccessControlPolicy/>", 400, "AccessControlListNotSupported"},
		"public":           {"public-read", "", "", 400, "AccessControlListNotSupported"},
		"unknown":          {"publik", "", "", 400, "InvalidArgument"},
		"a header's grant": {"private", "id=0123", "", 400, "AccessControlListNotSupported"},
		"nothing":          {"", "", "", 400, "MissingSecurityHeader"},
		"no XML":           {"", "", "x", 400, "MalformedXML"},
		"too large":        {"", "", aclPrivate + strings.Repeat(" ", 64<<10), 400, "MaxMessageLengthExceeded"},
	} {
		header := map[string]string{}
		if c.canned != "" {
			header["X-Amz-Acl"] = c.canned
		}
		if c.grant != "" {
			header["X-Amz-Grant-Read"] = c.grant
		}
		for _, path := range []string{"/bkt?acl", "/bkt/k?acl"} {
			if got := s.do(t, raw{method: "PUT", path: path, body: c.body, header: header}); got.StatusCode != c.status || got.code(t) != c.code {
				t.Errorf("%s: PUT %s: %d %s", name, path, got.StatusCode, got.body)
			}
			if got := s.do(t, raw{method: "GET", path: path}); got.StatusCode != 200 || strings.Count(got.body, "<Grant>") != 1 ||
				!strings.Contains(got.body, "<ID>"+aclOwner+"</ID>") || !strings.Contains(got.body, "<Permission>FULL_CONTROL</Permission>") {
				t.Errorf("%s: GET %s: %d %s", name, path, got.StatusCode, got.body)
			}
		}
	}
	for path, code := range map[string]string{"/nosuch?acl": "NoSuchBucket", "/bkt/missing?acl": "NoSuchKey"} {
		for _, method := range []string{"GET", "PUT"} {
			if got := s.do(t, raw{method: method, path: path, header: map[string]string{"X-Amz-Acl": "private"}}); got.StatusCode != 404 || got.code(t) != code {
				t.Errorf("%s %s: %d %s", method, path, got.StatusCode, got.body)
			}
		}
	}
}

// TestConstantDocuments: what S3 answers where nothing is configured.
func TestConstantDocuments(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	const payment = `<RequestPaymentConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Payer>BucketOwner</Payer></RequestPaymentConfiguration>`
	for i, step := range []struct {
		method, path, body string
		status             int
		code, want         string
	}{
		{"GET", "/bkt?requestPayment", "", 200, "", payment},
		{"PUT", "/bkt?requestPayment", payment, 200, "", ""},
		{"PUT", "/bkt?requestPayment", strings.Replace(payment, "BucketOwner", "Requester", 1), 501, "NotImplemented", ""},
		{"PUT", "/bkt?requestPayment", strings.Replace(payment, "BucketOwner", "", 1), 400, "MalformedXML", ""},
		{"PUT", "/bkt?requestPayment", "x", 400, "MalformedXML", ""},
		{"GET", "/bkt?requestPayment", "", 200, "", payment},
		{"GET", "/bkt?logging", "", 200, "", `<BucketLoggingStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></BucketLoggingStatus>`},
		{"GET", "/bkt?accelerate", "", 200, "", `<AccelerateConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></AccelerateConfiguration>`},
		{"PUT", "/bkt?accelerate", "x", 501, "NotImplemented", ""},
		{"GET", "/bkt?website", "", 404, "NoSuchWebsiteConfiguration", ""},
		{"GET", "/nosuch?requestPayment", "", 404, "NoSuchBucket", ""},
		{"PUT", "/nosuch?requestPayment", payment, 404, "NoSuchBucket", ""},
		{"GET", "/nosuch?logging", "", 404, "NoSuchBucket", ""},
		{"GET", "/nosuch?accelerate", "", 404, "NoSuchBucket", ""},
		{"GET", "/bkt?website", "", 404, "NoSuchWebsiteConfiguration", ""},
		{"PUT", "/bkt?website", "x", 501, "NotImplemented", ""},
		{"DELETE", "/bkt?website", "", 204, "", ""},
		{"DELETE", "/nosuch?website", "", 404, "NoSuchBucket", ""},
		{"GET", "/bkt?inventory", "", 200, "", "<IsTruncated>false</IsTruncated></ListInventoryConfigurationsResult>"},
		{"GET", "/bkt?inventory&id=1", "", 404, "NoSuchConfiguration", ""},
		{"PUT", "/bkt?inventory&id=1", "x", 501, "NotImplemented", ""},
		{"DELETE", "/bkt?inventory&id=1", "", 404, "NoSuchConfiguration", ""},
		{"GET", "/bkt?analytics", "", 200, "", "</ListBucketAnalyticsConfigurationResult>"},
		{"DELETE", "/bkt?analytics&id=1", "", 404, "NoSuchConfiguration", ""},
		{"DELETE", "/bkt?metrics&id=1", "", 404, "NoSuchConfiguration", ""},
		{"DELETE", "/bkt?intelligent-tiering&id=1", "", 404, "NoSuchConfiguration", ""},
		{"GET", "/bkt?metrics", "", 200, "", "</ListMetricsConfigurationsResult>"},
		{"GET", "/bkt?intelligent-tiering", "", 200, "", "<IsTruncated>false</IsTruncated>"},
		{"GET", "/nosuch?inventory", "", 404, "NoSuchBucket", ""},
	} {
		got := s.do(t, raw{method: step.method, path: step.path, body: step.body})
		if got.StatusCode != step.status || got.code(t) != step.code || !strings.Contains(got.body, step.want) {
			t.Errorf("%d: %s %s: %d %s", i, step.method, step.path, got.StatusCode, got.body)
		}
	}
}

// TestUploadACL: an access control list beside an upload has no effect, unless the
// bucket says that there are none.
func TestUploadACL(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.bucket(t, "bkt")
	s.store(t, "bkt", "source", "body", nil)
	for _, enforced := range []bool{false, true} {
		if err := s.service.SetOwnerEnforced(t.Context(), "bkt", enforced); err != nil {
			t.Fatal(err)
		}
		for _, acl := range [][2]string{
			{"X-Amz-Acl", "private"},
			{"X-Amz-Acl", "bucket-owner-full-control"},
			{"X-Amz-Acl", "public-read"},
			{"X-Amz-Grant-Read", "id=1"},
		} {
			want := 200
			if enforced && !strings.Contains("private bucket-owner-full-control", acl[1]) {
				want = 400
			}
			for _, r := range []raw{
				{method: "PUT", path: "/bkt/k", body: "body"},
				{method: "PUT", path: "/bkt/k", header: map[string]string{"X-Amz-Copy-Source": "bkt/source"}},
				{method: "POST", path: "/bkt/k?uploads"},
			} {
				header := map[string]string{acl[0]: acl[1]}
				for name, value := range r.header {
					header[name] = value
				}
				r.header = header
				got := s.do(t, r)
				if got.StatusCode != want || want == 400 && got.code(t) != "AccessControlListNotSupported" {
					t.Errorf("enforced %t, %v, %s %s: %d %s", enforced, acl, r.method, r.path, got.StatusCode, got.body)
				}
			}
		}
	}
	if got := s.do(t, raw{method: "GET", path: "/bkt/k", unsigned: true}); got.StatusCode != 403 {
		t.Errorf("read by anybody: %d", got.StatusCode)
	}
}
