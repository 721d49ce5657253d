package object

import (
	"encoding/binary"
	"encoding/hex"
)

// The key-space of the metadata store. Numbers are 8 bytes, big endian; a name
// or key that is not last in its row is escaped and ended by 0x00 0x01.
//
//	prefix  fields                               value
//	b       bucket name                          bucketRecord: configuration, no counters
//	c       bucket id, key                       versionRecord of the key's latest version,
//	                                             if that is not a delete marker
//	v       bucket id, key (escaped), ^stamp     versionRecord of every other version, and of
//	                                             markers, newest first
//	i       bucket id, key (escaped), version id the stamp of each version that has a row v; the
//	                                             null version's id is all zeros
//	d       content id                           the bytes of a small object, written once
//	r       ref, 0, bucket id, stamp, key        one user of stored bytes; empty value
//	g       stamp, ref                           bytes that lost a user; the collector reads these
//	m       bucket id, upload id, 0 (2 bytes)    uploadRecord of an upload under way, and for a
//	                                             day of a completed one
//	m       bucket id, upload id, part (2 bytes) partRecord of each part; those of a completed
//	                                             upload are the object's content map
//	u       bucket id, key (escaped), upload id  an upload under way, as listings order them;
//	                                             value: listedUpload
//	f       stamp, bucket id, upload id          a completed upload, for sweeping; empty value
//	o       bucket id, kind (1 byte)             documentRecord: a document of the bucket's
//	                                             configuration, as it was sent
//	w       name                                 WalkPosition of a walk through buckets
//	s                                    see package config
//	j q p x l k                          see package journal
//
// Rows c sort by key as S3's listings do: the key is last in them and not
// escaped. Everything carries the bucket's id, never its name, so that a bucket
// of the same name made later inherits nothing; an object that was copied to
// another bucket may have its content map under the id of one that is gone.
//
// A key whose row c is there has it for its latest version. Otherwise its newest
// row v is a delete marker, or there is none. Rows v and i come and go together.
//
// A ref is that of a blob, or of what holds many: an upload's parts (uploadRef),
// or, in g only, the uploads under way in a bucket that was deleted (bucketRef).
const (
	prefixBucket   = 'b'
	prefixCurrent  = 'c'
	prefixVersion  = 'v'
	prefixID       = 'i'
	prefixData     = 'd'
	prefixRef      = 'r'
	prefixGarbage  = 'g'
	prefixUpload   = 'm'
	prefixOpen     = 'u'
	prefixDone     = 'f'
	prefixDocument = 'o'
	prefixWalk     = 'w'
)

func bucketKey(name string) []byte { return append([]byte{prefixBucket}, name...) }

// inBucket is the start of a bucket's rows under prefix.
func inBucket(prefix byte, bucketID uint64) []byte {
	k := make([]byte, 0, 9+64)
	return binary.BigEndian.AppendUint64(append(k, prefix), bucketID)
}

func currentKey(bucketID uint64, key string) []byte {
	return append(inBucket(prefixCurrent, bucketID), key...)
}

// contentID names inlined bytes. It is unique for ever: the store's incarnation
// and a counter.
type contentID struct{ incarnation, count uint64 }

func (c contentID) key() []byte {
	k := make([]byte, 0, 17)
	k = binary.BigEndian.AppendUint64(append(k, prefixData), c.incarnation)
	return binary.BigEndian.AppendUint64(k, c.count)
}

// refKey is the row of one user of stored bytes; refStampOffset is where the
// user's stamp stands in it.
func refKey(ref string, bucketID, stamp uint64, key string) []byte {
	k := refPrefix(ref)
	k = binary.BigEndian.AppendUint64(k, bucketID)
	k = binary.BigEndian.AppendUint64(k, stamp)
	return append(k, key...)
}

func refStampOffset(ref string) int { return len(ref) + 2 + 8 }

func refPrefix(ref string) []byte {
	k := make([]byte, 0, len(ref)+2+16+64)
	k = append(append(k, prefixRef), ref...)
	return append(k, 0)
}

// garbageStampOffset is where the stamp stands in a garbage row.
const garbageStampOffset = 1

func garbageKey(stamp uint64, ref string) []byte {
	k := binary.BigEndian.AppendUint64([]byte{prefixGarbage}, stamp)
	return append(k, ref...)
}

func garbageRef(key []byte) string { return string(key[9:]) }

// etagOf is the ETag of content with the given MD5.
func etagOf(md5 []byte) string { return hex.EncodeToString(md5) }
