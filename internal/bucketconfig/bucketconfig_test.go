package bucketconfig_test

import (
	"encoding/xml"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/bucketconfig"
)

// verdict is the code and message of what Validate says, empty if it is content.
func verdict(t *testing.T, document string, into interface{ Validate() error }) string {
	t.Helper()
	if err := xml.Unmarshal([]byte(document), into); err != nil {
		return "MalformedXML: "
	}
	err := into.Validate()
	if err == nil {
		return ""
	}
	var refused *bucketconfig.Error
	if !errors.As(err, &refused) {
		t.Fatalf("%v is no *Error", err)
	}
	return refused.Code + ": " + refused.Message
}

func TestLifecycle(t *testing.T) {
	t.Parallel()
	const on, all, days = "<Status>Enabled</Status>", "<Filter/>", "<Expiration><Days>1</Days></Expiration>"
	tests := []struct{ name, rule, want string }{
		{"plain", on + all + days, ""},
		{"old prefix", on + "<Prefix>a</Prefix>" + days, ""},
		{"prefix and filter", on + all + "<Prefix>a</Prefix>" + days, "MalformedXML"},
		{"neither", on + days, "MalformedXML"},
		{"no status", all + days, "MalformedXML"},
		{"wrong status", "<Status>On</Status>" + all + days, "MalformedXML"},
		{"unknown element", on + all + days + "<Colour/>", "MalformedXML"},
		{"no action", on + all, "InvalidRequest: At least one action"},
		{"long id", "<ID>" + strings.Repeat("x", 256) + "</ID>" + on + all + days, "InvalidArgument: ID length"},
		{"no days", on + all + "<Expiration><Days>0</Days></Expiration>", "InvalidArgument: 'Days' for Expiration action must be a positive integer"},
		{"days in words", on + all + "<Expiration><Days>two</Days></Expiration>", "MalformedXML"},
		{"empty expiration", on + all + "<Expiration/>", "MalformedXML"},
		{"days and date", on + all + "<Expiration><Days>1</Days><Date>2030-01-01T00:00:00Z</Date></Expiration>", "MalformedXML"},
		{"midnight", on + all + "<Expiration><Date>2030-01-01T00:00:00.000Z</Date></Expiration>", ""},
		{"midnight elsewhere", on + all + "<Expiration><Date>2030-01-01T02:00:00+02:00</Date></Expiration>", ""},
		{"a day", on + all + "<Expiration><Date>2030-01-01</Date></Expiration>", ""},
		{"noon", on + all + "<Expiration><Date>2030-01-01T12:00:00Z</Date></Expiration>", "InvalidArgument: 'Date' must be at midnight GMT"},
		{"no date", on + all + "<Expiration><Date>soon</Date></Expiration>", "MalformedXML"},
		{"markers", on + all + "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>", ""},
		{"markers with days", on + all + "<Expiration><Days>1</Days><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>", "MalformedXML"},
		{
			"markers by tag", on + "<Filter><Tag><Key>a</Key><Value/></Tag></Filter><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
			"InvalidRequest: ExpiredObjectDeleteMarker cannot be specified with Tags.",
		},
		{"all versions", on + all + "<Expiration><Days>1</Days><ExpiredObjectAllVersions>true</ExpiredObjectAllVersions></Expiration>", ""},
		{"MinIO's", on + all + "<DelMarkerExpiration><Days>3</Days></DelMarkerExpiration><AllVersionsExpiration><Days>3</Days><DeleteMarker>true</DeleteMarker></AllVersionsExpiration>", ""},
		{"noncurrent", on + all + "<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays><NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>", ""},
		{"newer alone", on + all + "<NoncurrentVersionExpiration><NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>", ""},
		{"too many newer", on + all + "<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays><NewerNoncurrentVersions>101</NewerNoncurrentVersions></NoncurrentVersionExpiration>", "InvalidArgument: 'NewerNoncurrentVersions'"},
		{"noncurrent at once", on + all + "<NoncurrentVersionExpiration><NoncurrentDays>0</NoncurrentDays></NoncurrentVersionExpiration>", "InvalidArgument: 'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer"},
		{"transition", on + all + "<Transition><Days>0</Days><StorageClass>GLACIER</StorageClass></Transition>", ""},
		{"transition to nowhere", on + all + "<Transition><Days>0</Days></Transition>", "MalformedXML"},
		{"two to one class", on + all + strings.Repeat("<Transition><Days>1</Days><StorageClass>COLD</StorageClass></Transition>", 2), "InvalidRequest: 'StorageClass' must be different"},
		{"negative transition", on + all + "<Transition><Days>-1</Days><StorageClass>COLD</StorageClass></Transition>", "InvalidArgument: 'Days' in Transition action must be nonnegative"},
		{
			"expires before it moves", on + all + "<Expiration><Days>5</Days></Expiration><Transition><Days>5</Days><StorageClass>COLD</StorageClass></Transition>",
			"InvalidArgument: 'Days' in the Expiration action for prefix ''",
		},
		{"date and days", on + all + "<Expiration><Date>2030-01-01</Date></Expiration><Transition><Days>5</Days><StorageClass>COLD</StorageClass></Transition>", "InvalidRequest: Found mixed"},
		{"noncurrent transition", on + all + "<NoncurrentVersionTransition><NoncurrentDays>1</NoncurrentDays><StorageClass>COLD</StorageClass></NoncurrentVersionTransition>", ""},
		{"abort", on + all + "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>", ""},
		{"abort at once", on + all + "<AbortIncompleteMultipartUpload><DaysAfterInitiation>0</DaysAfterInitiation></AbortIncompleteMultipartUpload>", "InvalidArgument: 'DaysAfterInitiation'"},
		{
			"abort by size", on + "<Filter><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></Filter><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
			"InvalidRequest: AbortIncompleteMultipartUpload cannot be specified with Object Size.",
		},
		{"a tag", on + "<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>" + days, ""},
		{"no key", on + "<Filter><Tag><Key/><Value>b</Value></Tag></Filter>" + days, "InvalidTag"},
		{"two without And", on + "<Filter><Prefix>a</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></Filter>" + days, "MalformedXML"},
		{"And", on + "<Filter><And><Prefix>a</Prefix><Tag><Key>a</Key><Value>b</Value></Tag><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>" + days, ""},
		{"And beside", on + "<Filter><Prefix>a</Prefix><And><Prefix>a</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And></Filter>" + days, "MalformedXML"},
		{"And of one", on + "<Filter><And><Prefix>a</Prefix></And></Filter>" + days, "MalformedXML"},
		{"one tag twice", on + "<Filter><And>" + strings.Repeat("<Tag><Key>a</Key><Value>b</Value></Tag>", 2) + "</And></Filter>" + days, "InvalidRequest: Duplicate Tag Keys are not allowed."},
		{"no size between", on + "<Filter><And><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan><ObjectSizeLessThan>5</ObjectSizeLessThan></And></Filter>" + days, "InvalidRequest: 'ObjectSizeLessThan' has to be a value greater"},
		{"long prefix", on + "<Filter><Prefix>" + strings.Repeat("x", 1025) + "</Prefix></Filter>" + days, "InvalidRequest: The maximum size of a prefix is 1024."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := verdict(t, "<LifecycleConfiguration><Rule>"+tt.rule+"</Rule></LifecycleConfiguration>", new(bucketconfig.Lifecycle))
			if tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// rules is a document of n rules with IDs of their own.
func rules(root, element string, n int) string {
	var b strings.Builder
	b.WriteString("<" + root + ">")
	for i := range n {
		b.WriteString("<Rule><ID>" + strconv.Itoa(i) + "</ID>" + strings.ReplaceAll(element, "PRIORITY", strconv.Itoa(i)) + "</Rule>")
	}
	return b.String() + "</" + root + ">"
}

func TestNumberOfRules(t *testing.T) {
	t.Parallel()
	const expires = "<Status>Enabled</Status><Filter/><Expiration><Days>1</Days></Expiration>"
	const replicates = "<Status>Enabled</Status><Priority>PRIORITY</Priority><Filter/><Destination><Bucket>arn:x</Bucket></Destination>"
	for n, want := range map[int]string{0: "MalformedXML: ", 1: "", 1000: "", 1001: "MalformedXML: "} {
		if got := verdict(t, rules("LifecycleConfiguration", expires, n), new(bucketconfig.Lifecycle)); got != want {
			t.Errorf("lifecycle of %d rules: %q", n, got)
		}
		if got := verdict(t, rules("ReplicationConfiguration", replicates, n), new(bucketconfig.Replication)); got != want {
			t.Errorf("replication of %d rules: %q", n, got)
		}
	}
	twice := strings.ReplaceAll(rules("LifecycleConfiguration", expires, 2), "<ID>1</ID>", "<ID>0</ID>")
	if got := verdict(t, twice, new(bucketconfig.Lifecycle)); got != "InvalidArgument: Rule ID must be unique. Found same ID for more than one rule" {
		t.Errorf("one ID twice: %q", got)
	}
}

func TestReplication(t *testing.T) {
	t.Parallel()
	const on, to = "<Status>Enabled</Status>", "<Destination><Bucket>arn:aws:s3:::there</Bucket></Destination>"
	const first = on + "<Priority>1</Priority>" + to
	tests := []struct{ name, rule, want string }{
		{"old", on + "<Prefix/>" + to, ""},
		{"new", first + "<Filter><Prefix>a</Prefix></Filter><DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>", ""},
		{
			"as minio-go writes it", first + "<DeleteMarkerReplication><Status>Enabled</Status></DeleteMarkerReplication><DeleteReplication><Status>Enabled</Status></DeleteReplication>" +
				"<Filter><Prefix></Prefix><And></And><Tag></Tag></Filter><SourceSelectionCriteria><ReplicaModifications><Status>Enabled</Status></ReplicaModifications></SourceSelectionCriteria>" +
				"<ExistingObjectReplication><Status>Enabled</Status></ExistingObjectReplication>", "",
		},
		{"no destination", on + "<Prefix/>", "MalformedXML"},
		{"filter without priority", on + "<Filter/>" + to, "InvalidRequest: Priority must be specified"},
		{"prefix and filter", first + "<Prefix/><Filter/>", "MalformedXML"},
		{"no status", "<Prefix/>" + to, "MalformedXML"},
		{"wrong switch", first + "<Filter/><DeleteMarkerReplication><Status>Yes</Status></DeleteMarkerReplication>", "MalformedXML"},
		{"sizes", first + "<Filter><ObjectSizeLessThan>1</ObjectSizeLessThan></Filter>", "MalformedXML"},
		{"two conditions", first + "<Filter><Prefix>a</Prefix><Tag><Key>b</Key><Value/></Tag></Filter>", "MalformedXML"},
		{"two conditions in And", first + "<Filter><And><Prefix>a</Prefix><Tag><Key>b</Key><Value/></Tag></And></Filter>", ""},
		{"unknown element", first + "<Filter/><Colour/>", "MalformedXML"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := verdict(t, "<ReplicationConfiguration><Role>r</Role><Rule>"+tt.rule+"</Rule></ReplicationConfiguration>", new(bucketconfig.Replication))
			if tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	same := rules("ReplicationConfiguration", "<Status>Enabled</Status><Priority>7</Priority><Filter/>"+to, 2)
	if got := verdict(t, same, new(bucketconfig.Replication)); !strings.HasPrefix(got, "InvalidRequest: Found duplicate priority 7") {
		t.Errorf("one priority twice: %q", got)
	}
}
