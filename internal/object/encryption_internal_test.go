package object

import "testing"

// TestRecordVersions: rows that a program without encryption would take for what
// they are not have a version byte that it refuses, and all others the one that
// they always had.
func TestRecordVersions(t *testing.T) {
	t.Parallel()
	e := &encryption{Method: EncryptedS3, KeyID: "k", Sealed: []byte{1}}
	for name, test := range map[string]struct {
		record interface{ encode() ([]byte, error) }
		want   byte
	}{
		"bucket":              {&bucketRecord{ID: 1}, 1},
		"versioned bucket":    {&bucketRecord{ID: 1, Versioning: VersioningEnabled}, 2},
		"encrypting bucket":   {&bucketRecord{ID: 1, Encryption: &BucketEncryption{Method: EncryptedS3}}, 4},
		"both":                {&bucketRecord{ID: 1, Versioning: VersioningEnabled, Encryption: &BucketEncryption{Method: EncryptedS3}}, 4},
		"locked, encrypting":  {&bucketRecord{ID: 1, Versioning: VersioningEnabled, Lock: &LockConfig{}, Encryption: &BucketEncryption{Method: EncryptedS3}}, 4},
		"object":              {&versionRecord{Size: 1}, 1},
		"encrypted object":    {&versionRecord{Size: 1, Encryption: e}, 3},
		"upload":              {&uploadRecord{Key: "k"}, 1},
		"encrypted upload":    {&uploadRecord{Key: "k", Encryption: e}, 3},
		"part":                {&partRecord{Size: 1}, 1},
		"of encrypted upload": {&partRecord{Size: 1, Salt: []byte{1}}, 3},
	} {
		stored, err := test.record.encode()
		if err != nil || stored[0] != test.want {
			t.Errorf("%s: version %d, %v; want %d", name, stored[0], err, test.want)
		}
	}
}
