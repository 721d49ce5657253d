package elasticsearch

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/minio/highwayhash"
)

const (
	// maxID is the longest _id that Elasticsearch takes, in bytes.
	maxID = 512
	// hashedPrefix begins the ids of names that are too long. It has no slash,
	// so no "<bucket>/<key>" is the same.
	hashedPrefix = "sha256:"
	// minioIDLength is the length of a MinIO id: 32 bytes as base64.
	minioIDLength = 44
	// sampled is how many documents tell whose ids an index has.
	sampled = 100
)

// documentID makes the _id of a key's document from "<bucket>/<key>".
type documentID func(name string) string

// guideID is the name itself, as the notification guide has it. Names that
// Elasticsearch would not take as an id are hashed.
func guideID(name string) string {
	if len(name) <= maxID && utf8.ValidString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return hashedPrefix + hex.EncodeToString(sum[:])
}

// minioID is the id that MinIO gives: base64url of HighwayHash-256 of the name
// under a fixed key.
func minioID(name string) string {
	sum := highwayhash.Sum([]byte(name), minioKey())
	return base64.URLEncoding.EncodeToString(sum[:])
}

// minioKey is the key of MinIO's ids: digits of pi, hashed.
func minioKey() []byte {
	return []byte("\x4b\xe7\x34\xfa\x8e\x23\x8a\xcd\x26\x3e\x83\xe6\xbb\x96\x85\x52\x04\x0f\x93\x5d\xa3\x9f\x44\x14\x97\xe0\x9d\x13\x22\xde\x36\xa0")
}

// schemeOf tells whose id this is, or "" for one that is neither: of a document
// of the format access, or of another program. A guide's id has a slash or the
// prefix; the alphabet of a MinIO id has neither.
func schemeOf(id string) string {
	if strings.Contains(id, "/") || strings.HasPrefix(id, hashedPrefix) {
		return idsGuide
	}
	if len(id) == minioIDLength {
		if sum, err := base64.URLEncoding.DecodeString(id); err == nil && len(sum) == sha256.Size {
			return idsMinIO
		}
	}
	return ""
}

// chooseIDs returns the ids that the settings name, or those found in the index.
func (c *cluster) chooseIDs(ctx context.Context) (documentID, error) {
	scheme := c.documentID
	if scheme == idsAuto {
		var err error
		if scheme, err = c.foundIDs(ctx); err != nil {
			return nil, err
		}
	}
	if scheme == idsMinIO {
		return minioID, nil
	}
	return guideID, nil
}

// foundIDs looks at some documents, and at records of deletes if the mirror has
// none: a bucket that was emptied keeps its ids.
func (c *cluster) foundIDs(ctx context.Context) (string, error) {
	for _, index := range []string{c.index, c.companion} {
		var found struct {
			Hits struct {
				Hits []struct {
					ID string `json:"_id"`
				}
			}
		}
		query := struct {
			Size   int  `json:"size"`
			Source bool `json:"_source"`
		}{sampled, false}
		if err := c.ask(ctx, http.MethodPost, pathOf(index, "_search"), "hits.hits._id", query, &found); err != nil {
			return "", err
		}
		for _, hit := range found.Hits.Hits {
			if scheme := schemeOf(hit.ID); scheme != "" {
				return scheme, nil
			}
		}
	}
	return idsGuide, nil
}
