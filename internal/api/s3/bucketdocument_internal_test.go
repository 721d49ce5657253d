package s3api

import (
	"archive/tar"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/bucketconfig"
)

// FuzzLifecycleDocument: no document panics; what is taken is still taken, with as
// many rules, once its rules have IDs, and then stays as it is.
func FuzzLifecycleDocument(f *testing.F) {
	for _, seed := range []string{
		`<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter/><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>`,
		`<?xml version="1.0"?><a:LifecycleConfiguration xmlns:a="x"><a:Rule><a:Status>Disabled</a:Status><a:Prefix>p</a:Prefix><a:Expiration><a:Date>2030-01-01</a:Date></a:Expiration></a:Rule></a:LifecycleConfiguration>`,
		`<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Filter><And><Prefix/><Tag><Key>ID</Key><Value/></Tag></And></Filter><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule></LifecycleConfiguration>`,
		`<LifecycleConfiguration><Rule><![CDATA[<ID>]]><Status>Enabled</Status><Filter/><NoncurrentVersionExpiration><NewerNoncurrentVersions>1</NewerNoncurrentVersions></NoncurrentVersionExpiration></Rule><!-- --></LifecycleConfiguration>`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var doc bucketconfig.Lifecycle
		if decodeXML(body, &doc) != nil || doc.Validate() != nil {
			return
		}
		named, err := withRuleIDs(body)
		if err != nil {
			t.Fatalf("%q was taken, and then: %v", body, err)
		}
		var again bucketconfig.Lifecycle
		if err := decodeXML(named, &again); err != nil {
			t.Fatalf("%q became %q: %v", body, named, err)
		}
		if err := again.Validate(); err != nil || len(again.Rules) != len(doc.Rules) {
			t.Fatalf("%q became %q: %v", body, named, err)
		}
		if twice, err := withRuleIDs(named); err != nil || string(twice) != string(named) {
			t.Fatalf("%q became %q and then %q, %v", body, named, twice, err)
		}
	})
}

// FuzzExtractedKey: no path of an archive leads upwards, or out of its prefix.
func FuzzExtractedKey(f *testing.F) {
	f.Add("p/q", "../../a/./b", false)
	f.Add("", "/etc/", true)
	f.Add("..", "..", true)
	f.Fuzz(func(t *testing.T, prefix, name string, folder bool) {
		checkExtracted(t, prefix, name, folder)
	})
}

func checkExtracted(t *testing.T, prefix, name string, folder bool) {
	t.Helper()
	file := &tar.Header{Name: name, Typeflag: tar.TypeReg}
	if folder {
		file.Typeflag = tar.TypeDir
	}
	key := extractedKey(prefix, file)
	if strings.HasPrefix(key, "/") || strings.Contains("/"+key+"/", "/../") || strings.Contains("/"+key+"/", "/./") {
		t.Errorf("%q and %q became %q", prefix, name, key)
	}
	if below := extractedKey(prefix, &tar.Header{Name: "", Typeflag: tar.TypeDir}); !strings.HasPrefix(key, strings.TrimSuffix(below, "/")) {
		t.Errorf("%q is not below %q", key, below)
	}
}
