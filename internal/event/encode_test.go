package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
)

// stamp is 2026-11-23T13:21:05.756999999Z.
const stamp = 1795440065756999999

// goldenEncoder is the site of the golden files, whose own values are masked.
func goldenEncoder(region string) *event.Encoder {
	return &event.Encoder{Region: region, DeploymentID: "DEPLOYMENT-ID", HostID: "HOST-ID", Endpoint: "ENDPOINT"}
}

// mask does to our event what was done to the golden ones.
func mask(body []byte) string {
	return strings.NewReplacer(
		`"eventTime":"2026-11-23T13:21:05.756Z"`, `"eventTime":"TIME"`,
		`"sequencer":"18EAAF3A26F3313F"`, `"sequencer":"SEQUENCER"`,
	).Replace(string(body))
}

// version fills the fields of an object that was stored without metadata.
func version(rec event.Record, size int64, etag string) event.Record {
	rec.Size, rec.ETag, rec.ContentType = size, etag, "binary/octet-stream"
	rec.UserMetadata = map[string]string{"content-type": "binary/octet-stream"}
	return rec
}

const (
	etagHello = "5eb63bbbe01eeed093cb22bb8f5acdc3"
	etagAgain = "44997f87b891f89472b7f2bbe4e000c3"
	etagX     = "9dd4e461268c8034f5c8564e155c67a6"
	etagEmpty = "d41d8cd98f00b204e9800998ecf8427e"
)

// goldenRecords are the records that stand for the requests of the golden file.
func goldenRecords() map[string]event.Record {
	records := make(map[string]event.Record)
	maps.Copy(records, goldenPuts())
	maps.Copy(records, goldenReads())
	maps.Copy(records, goldenDeletes())
	maps.Copy(records, goldenVersions())
	maps.Copy(records, goldenListens())
	for name, rec := range records {
		rec.Request.Principal, rec.Request.SourceIP = "goldenuser", "127.0.0.1"
		rec.Request.UserAgent, rec.Request.ID = "golden/1", "REQUEST-ID"
		if name == "get anonymous" {
			rec.Request.Principal = ""
		}
		records[name] = rec
	}
	return records
}

func goldenMetadata() map[string]string {
	return map[string]string{
		"content-type": "application/json", "cache-control": "max-age=60", "content-encoding": "gzip",
		"content-disposition": `attachment; filename="a&b.json"`, "content-language": "de",
		"X-Amz-Meta-Color": "blue", "X-Amz-Meta-A-B": `<x>&"y"`, "X-Amz-Meta-Zoo": "",
	}
}

func goldenPuts() map[string]event.Record {
	put := func(key string) event.Record {
		return event.Record{Name: event.ObjectCreatedPut, Bucket: "plain", Key: key}
	}
	as := func(name event.Name, rec event.Record) event.Record { rec.Name = name; return rec }
	with := func(rec event.Record, metadata map[string]string) event.Record {
		rec.UserMetadata, rec.ContentType = metadata, metadata["content-type"]
		return rec
	}
	directory := version(put("dir/"), 0, etagEmpty)
	directory.VersionID = "null"
	document := with(version(put("meta.json"), 2, "99914b932bd37a50b983c5e7c90ae93b"), goldenMetadata())
	copied := as(event.ObjectCreatedCopy, document)
	copied.Key = "copied.json"
	replaced := with(copied, map[string]string{"X-Amz-Meta-New": "1", "content-type": "text/x"})
	replaced.Key = "copied2.json"
	again := version(put("hello.txt"), 11, etagAgain)
	return map[string]event.Record{
		"put":           version(put("hello.txt"), 11, etagHello),
		"put metadata":  document,
		"put empty":     with(version(put("empty"), 0, etagEmpty), map[string]string{"content-type": "text/plain"}),
		"put spaces":    version(put("a b/c d.txt"), 1, etagX),
		"put non-ascii": version(put("grün/日本/é😀.txt"), 1, etagX),
		"put reserved":  version(put("r/+&<>=\"'%20?#~!*()[]{}|^`@:;,$.txt"), 1, etagX),
		"put control":   version(put("c\x01\t\x7f\u2028.txt"), 1, etagX),
		"put directory": directory,
		"put storage class": with(version(put("sc"), 1, etagX),
			map[string]string{"content-type": "binary/octet-stream", "x-amz-storage-class": "REDUCED_REDUNDANCY"}),
		"put tags":        version(put("tags"), 1, etagX),
		"put overwrite":   again,
		"put with region": version(put("hello.txt"), 11, etagHello),
		"copy":            copied,
		"copy replace":    replaced,
		"put tagging":     as(event.ObjectCreatedPutTagging, again),
		"delete tagging":  as(event.ObjectCreatedDeleteTagging, again),
		"complete multipart": as(event.ObjectCreatedCompleteMultipartUpload,
			with(version(put("multi"), 4, "1819d1a8700e59901a48215b8577ac07-1"),
				map[string]string{"content-type": "image/png", "X-Amz-Meta-Part": "y"})),
	}
}

func goldenReads() map[string]event.Record {
	get := version(event.Record{Name: event.ObjectAccessedGet, Bucket: "plain", Key: "hello.txt"}, 11, etagAgain)
	ranged, head, attributes, document := get, get, get, get
	ranged.Request.Range = "bytes=1-3"
	head.Name = event.ObjectAccessedHead
	attributes.Name = event.ObjectAccessedAttributes
	document.Key, document.Size, document.ETag = "meta.json", 2, "99914b932bd37a50b983c5e7c90ae93b"
	document.ContentType, document.UserMetadata = "application/json", goldenMetadata()
	return map[string]event.Record{
		"get": get, "get range": ranged, "head": head, "attributes": attributes,
		"get metadata": document, "get anonymous": get,
	}
}

// goldenDeletes have the fields of what was deleted, which the JSON leaves out.
func goldenDeletes() map[string]event.Record {
	remove := func(name event.Name, key string) event.Record {
		return version(event.Record{Name: name, Bucket: "plain", Key: key}, 11, etagHello)
	}
	return map[string]event.Record{
		"delete":              remove(event.ObjectRemovedDelete, "hello.txt"),
		"delete missing":      remove(event.ObjectRemovedNoOP, "never/was"),
		"delete many 1":       remove(event.ObjectRemovedDelete, "a b/c d.txt"),
		"delete many 2":       remove(event.ObjectRemovedDelete, "meta.json"),
		"delete many missing": remove(event.ObjectRemovedDelete, "gone"),
	}
}

func goldenVersions() map[string]event.Record {
	of := func(name event.Name, size int64, etag string) event.Record {
		return version(event.Record{Name: name, Bucket: "versioned", Key: "v k", VersionID: "VERSION-ID"}, size, etag)
	}
	const first, second = "f97c5d29941bfb1b2fdab0874906ab82", "b8a9f715dbb64fd5c56e7783c6820a61"
	missing := of(event.ObjectRemovedNoOP, 0, "")
	missing.Key, missing.VersionID = "none", ""
	records := map[string]event.Record{
		"versioned put":                    of(event.ObjectCreatedPut, 3, first),
		"versioned put again":              of(event.ObjectCreatedPut, 3, second),
		"versioned get":                    of(event.ObjectAccessedGet, 3, second),
		"versioned delete makes marker":    of(event.ObjectRemovedDeleteMarkerCreated, 0, ""),
		"versioned delete version":         of(event.ObjectRemovedDelete, 3, first),
		"versioned delete marker":          of(event.ObjectRemovedDeleteMarkerCreated, 0, ""),
		"versioned delete missing":         missing,
		"versioned delete missing version": of(event.ObjectRemovedNoOP, 0, ""),
	}
	locked := func(name event.Name, hold, until string) event.Record {
		rec := of(name, 1, etagX)
		rec.Bucket, rec.Key = "locked", "k"
		rec.UserMetadata["x-amz-object-lock-legal-hold"] = hold
		rec.UserMetadata["x-amz-object-lock-mode"] = "GOVERNANCE"
		rec.UserMetadata["x-amz-object-lock-retain-until-date"] = until + "-01-01T00:00:00.000Z"
		return rec
	}
	records["lock put"] = locked(event.ObjectCreatedPut, "OFF", "2030")
	records["put legal hold"] = locked(event.ObjectCreatedPutLegalHold, "ON", "2030")
	records["get legal hold"] = locked(event.ObjectAccessedGetLegalHold, "ON", "2030")
	records["put retention"] = locked(event.ObjectCreatedPutRetention, "ON", "2031")
	records["get retention"] = locked(event.ObjectAccessedGetRetention, "ON", "2031")
	return records
}

func goldenListens() map[string]event.Record {
	put := version(event.Record{Name: event.ObjectCreatedPut, Bucket: "plain", Key: "a b/é&+.txt"}, 1, etagX)
	put.UserMetadata["X-Amz-Meta-K"] = "a v"
	return map[string]event.Record{
		"listen bucket created": {Name: event.BucketCreated, Bucket: "listened"},
		"listen bucket removed": {Name: event.BucketRemoved, Bucket: "listened"},
		"listen put":            put,
	}
}

func TestEncoderAgainstPeer(t *testing.T) {
	t.Parallel()
	var cases []struct{ Name, Body string }
	readGolden(t, "events.json", &cases)
	records := goldenRecords()
	at := event.Place{Partition: 3, Sequence: 7, Stamp: stamp}
	for _, tc := range cases {
		rec, ok := records[tc.Name]
		if !ok {
			t.Errorf("%s: no record", tc.Name)
			continue
		}
		delete(records, tc.Name)
		encode := goldenEncoder("").AppendEnvelope
		switch {
		case tc.Name == "put with region":
			encode = goldenEncoder("eu-west-7").AppendEnvelope
		case strings.HasPrefix(tc.Name, "listen "):
			encode = goldenEncoder("").AppendListen
		}
		if diff := cmp.Diff(tc.Body, mask(encode(nil, &rec, at))); diff != "" {
			t.Errorf("%s (-peer +ours):\n%s", tc.Name, diff)
		}
	}
	for name := range records {
		t.Errorf("%s: not in the golden file", name)
	}
}

func TestEncoderForms(t *testing.T) {
	t.Parallel()
	rec := goldenRecords()["put spaces"]
	at := event.Place{Stamp: stamp}
	e := goldenEncoder("")
	record := string(e.AppendRecord(nil, &rec, at))
	if got := string(e.AppendRecords([]byte("> "), &rec, at)); got != `> {"Records":[`+record+`]}` {
		t.Errorf("AppendRecords: %s", got)
	}
	want := `{"EventName":"s3:ObjectCreated:Put","Key":"plain/a b/c d.txt","Records":[` + record + `]}`
	if got := string(e.AppendEnvelope(nil, &rec, at)); got != want {
		t.Errorf("AppendEnvelope: %s", got)
	}
	want = `{"Records":[` + strings.Replace(record, "a+b%2Fc+d.txt", "a b/c d.txt", 1) + `]}`
	if got := string(e.AppendListen(nil, &rec, at)); got != want {
		t.Errorf("AppendListen: %s", got)
	}
}

func TestEncoderExtras(t *testing.T) {
	t.Parallel()
	base := goldenRecords()["put"]
	at := event.Place{Stamp: stamp}
	internal, replayed, backfilled, access, expired := base, base, base, base, base
	internal.Request = event.Request{Internal: true, UserAgent: "Internal: [ILM-Expiry]", SourceIP: "node1"}
	replayed.Replay = true
	backfilled.Backfill = true
	access.Sequencer = 0x18EAAF3A00000001
	expired.Name = event.ObjectRemovedDeleteAllVersions
	tests := map[string]struct {
		rec  event.Record
		want string
	}{
		"internal has no request":     {internal, `"userIdentity":{"principalId":""},"requestParameters":null,`},
		"internal has a source":       {internal, `"source":{"host":"node1","port":"","userAgent":"Internal: [ILM-Expiry]"}`},
		"backfill is marked":          {backfilled, `"x-amz-request-id":"REQUEST-ID","x-carillon-backfill":"true","x-minio-deployment-id":`},
		"replay is marked":            {replayed, `"x-amz-request-id":"REQUEST-ID","x-carillon-replay":"true","x-minio-deployment-id":`},
		"sequencer of its own":        {access, `"sequencer":"18EAAF3A00000001"`},
		"time is not the sequencer's": {access, `"eventTime":"2026-11-23T13:21:05.756Z"`},
		"all versions keeps fields":   {expired, `"object":{"key":"hello.txt","size":11,"eTag":"` + etagHello + `"`},
	}
	for name, tc := range tests {
		if got := string(goldenEncoder("").AppendRecord(nil, &tc.rec, at)); !strings.Contains(got, tc.want) {
			t.Errorf("%s: %s lacks %s", name, got, tc.want)
		}
	}
	if got := event.Sequencer(&base, event.Place{Stamp: 0xABC}); got != "0000000000000ABC" {
		t.Errorf("Sequencer is %s", got)
	}
	if got := at.Time(); got.UnixNano() != stamp || got.Location() != time.UTC {
		t.Errorf("Time is %v", got)
	}
}

// The reference for FuzzEncoder: what encoding/json makes of the same record.
type (
	refRecord struct {
		EventVersion      string            `json:"eventVersion"`
		EventSource       string            `json:"eventSource"`
		AwsRegion         string            `json:"awsRegion"`
		EventTime         string            `json:"eventTime"`
		EventName         string            `json:"eventName"`
		UserIdentity      refIdentity       `json:"userIdentity"`
		RequestParameters map[string]string `json:"requestParameters"`
		ResponseElements  map[string]string `json:"responseElements"`
		S3                refS3             `json:"s3"`
		Source            refSource         `json:"source"`
	}
	refIdentity struct {
		PrincipalID string `json:"principalId"`
	}
	refS3 struct {
		SchemaVersion   string    `json:"s3SchemaVersion"`
		ConfigurationID string    `json:"configurationId"`
		Bucket          refBucket `json:"bucket"`
		Object          refObject `json:"object"`
	}
	refBucket struct {
		Name          string      `json:"name"`
		OwnerIdentity refIdentity `json:"ownerIdentity"`
		ARN           string      `json:"arn"`
	}
	refObject struct {
		Key          string            `json:"key"`
		Size         int64             `json:"size,omitempty"`
		ETag         string            `json:"eTag,omitempty"`
		ContentType  string            `json:"contentType,omitempty"`
		UserMetadata map[string]string `json:"userMetadata,omitempty"`
		VersionID    string            `json:"versionId,omitempty"`
		Sequencer    string            `json:"sequencer"`
	}
	refSource struct {
		Host      string `json:"host"`
		Port      string `json:"port"`
		UserAgent string `json:"userAgent"`
	}
)

func reference(e *event.Encoder, rec *event.Record, at event.Place) ([]byte, error) {
	owner := refIdentity{rec.Request.Principal}
	parameters := map[string]string{"principalId": owner.PrincipalID, "region": e.Region, "sourceIPAddress": rec.Request.SourceIP}
	if rec.Request.Range != "" {
		parameters["range"] = rec.Request.Range
	}
	if rec.Request.Internal {
		parameters = nil
	}
	object := refObject{Key: rec.Key, VersionID: rec.VersionID, Sequencer: event.Sequencer(rec, at)}
	if !rec.Name.IsRemoved() {
		object.Size, object.ETag, object.ContentType, object.UserMetadata = rec.Size, rec.ETag, rec.ContentType, rec.UserMetadata
	}
	return json.Marshal(map[string][]refRecord{"Records": {{
		EventVersion: "2.0", EventSource: "minio:s3", AwsRegion: e.Region,
		EventTime: time.Unix(0, int64(at.Stamp)).UTC().Format("2006-01-02T15:04:05.000Z"), EventName: rec.Name.String(),
		UserIdentity: owner, RequestParameters: parameters,
		ResponseElements: map[string]string{
			"x-amz-id-2": e.HostID, "x-amz-request-id": rec.Request.ID,
			"x-minio-deployment-id": e.DeploymentID, "x-minio-origin-endpoint": e.Endpoint,
		},
		S3: refS3{
			SchemaVersion: "1.0", ConfigurationID: "Config", Object: object,
			Bucket: refBucket{Name: rec.Bucket, OwnerIdentity: owner, ARN: "arn:aws:s3:::" + rec.Bucket},
		},
		Source: refSource{Host: rec.Request.SourceIP, UserAgent: rec.Request.UserAgent},
	}}})
}

func FuzzEncoder(f *testing.F) {
	f.Add(uint8(9), "key/a b", "etag", "text/plain", "X-Amz-Meta-K", "v", uint64(stamp), int64(5), false)
	f.Add(uint8(14), "é\u2028\u2029\xff<&>\"\\\x00\b\f\x7f", "", "", "", "\ufffd\xed\xa0\x80", uint64(0), int64(-1), true)
	f.Add(uint8(200), "\r\n\t", "'", "😀", "b", "", uint64(1)<<63, int64(0), false)
	f.Fuzz(func(t *testing.T, name uint8, key, etag, contentType, metaKey, metaValue string, stamp uint64, size int64, internal bool) {
		rec := event.Record{
			Name: event.Name(name), Bucket: "b" + metaValue, Key: key, VersionID: etag, Size: size, ETag: etag, ContentType: contentType,
			UserMetadata: map[string]string{metaKey: metaValue, metaValue: key},
			Request:      event.Request{Principal: metaKey, SourceIP: contentType, UserAgent: metaValue, ID: key, Range: etag, Internal: internal},
		}
		e := &event.Encoder{Region: contentType, DeploymentID: metaKey, HostID: metaValue, Endpoint: etag}
		at := event.Place{Stamp: stamp}
		got := e.AppendListen(nil, &rec, at)
		want, err := reference(e, &rec, at)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		if !json.Valid(e.AppendEnvelope(nil, &rec, at)) {
			t.Fatal("the envelope is not JSON")
		}
	})
}

func TestEventID(t *testing.T) {
	t.Parallel()
	for want, at := range map[string]event.Place{
		"00000000000000ff-3-7":                        {Epoch: 255, Partition: 3, Sequence: 7},
		"ffffffffffffffff-65535-18446744073709551615": {Epoch: 1<<64 - 1, Partition: 65535, Sequence: 1<<64 - 1},
		"0000000000000000-0-0":                        {},
	} {
		if got := event.EventID(at); got != want {
			t.Errorf("EventID is %s, want %s", got, want)
		}
		if got, err := event.ParseEventID(want); err != nil || got != at {
			t.Errorf("ParseEventID(%s) = %+v, %v", want, got, err)
		}
	}
	for _, s := range []string{
		"", "-", "--", "00000000000000ff-3", "00000000000000ff-3-", "ff-3-7", "00000000000000FF-3-7", "00000000000000ff-03-7",
		"00000000000000ff-3-+7", "00000000000000ff-65536-7", "00000000000000ff-3-18446744073709551616", "00000000000000ff-3-7-1", " 00000000000000ff-3-7",
	} {
		if got, err := event.ParseEventID(s); !errors.Is(err, event.ErrEventID) {
			t.Errorf("ParseEventID(%q) = %+v, %v", s, got, err)
		}
	}
}

func FuzzParseEventID(f *testing.F) {
	f.Add("00000000000000ff-3-7")
	f.Add("ffffffffffffffff-65535-18446744073709551615")
	f.Fuzz(func(t *testing.T, s string) {
		if at, err := event.ParseEventID(s); err == nil && event.EventID(at) != s {
			t.Fatalf("%q was taken as %+v", s, at)
		}
	})
}

func BenchmarkEncoder(b *testing.B) {
	at := event.Place{Stamp: stamp}
	e := goldenEncoder("eu-west-7")
	for _, name := range []string{"put", "put metadata", "delete"} {
		rec := goldenRecords()[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, 2048)
			for b.Loop() {
				buf = e.AppendEnvelope(buf[:0], &rec, at)
			}
		})
	}
}
