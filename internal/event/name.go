package event

import (
	"fmt"
	"math/bits"
	"strings"
)

// Name is one kind of event. Its number is its stored form: numbers are never
// changed or given to another name. The zero Name is none.
type Name uint8

// The names of all events (Amazon S3, "Supported event types", and the further
// ones of the notification guide).
const (
	ObjectAccessedGet                    Name = 1
	ObjectAccessedGetRetention           Name = 2
	ObjectAccessedGetLegalHold           Name = 3
	ObjectAccessedHead                   Name = 4
	ObjectAccessedAttributes             Name = 5
	ObjectCreatedCompleteMultipartUpload Name = 6
	ObjectCreatedCopy                    Name = 7
	ObjectCreatedPost                    Name = 8
	ObjectCreatedPut                     Name = 9
	ObjectCreatedPutRetention            Name = 10
	ObjectCreatedPutLegalHold            Name = 11
	ObjectCreatedPutTagging              Name = 12
	ObjectCreatedDeleteTagging           Name = 13
	ObjectRemovedDelete                  Name = 14
	ObjectRemovedDeleteMarkerCreated     Name = 15
	ObjectRemovedDeleteAllVersions       Name = 16
	ObjectRemovedNoOP                    Name = 17
	BucketCreated                        Name = 18
	BucketRemoved                        Name = 19
	ReplicationOperationFailed           Name = 20
	ReplicationOperationCompleted        Name = 21
	ReplicationOperationMissedThreshold  Name = 22
	ReplicationOperationReplicatedAfter  Name = 23
	ReplicationOperationNotTracked       Name = 24
	ObjectRestorePost                    Name = 25
	ObjectRestoreCompleted               Name = 26
	ObjectTransitionFailed               Name = 27
	ObjectTransitionComplete             Name = 28
	ScannerManyVersions                  Name = 29
	ScannerLargeVersions                 Name = 30
	ScannerBigPrefix                     Name = 31
	LifecycleDelMarkerExpirationDelete   Name = 32
	LifecycleExpirationDelete            Name = 33
	LifecycleExpirationMarkerCreated     Name = 34
	lastName                                  = LifecycleExpirationMarkerCreated
)

// String returns the name as it stands in rules and events, such as
// "s3:ObjectCreated:Put".
func (n Name) String() string {
	if s := n.text(); s != "" {
		return s
	}
	return fmt.Sprintf("event.Name(%d)", uint8(n))
}

// text is a switch and not a table so that there is no package variable to
// change, and so that a number without a text is empty.
func (n Name) text() string {
	switch n {
	case ObjectAccessedGet:
		return "s3:ObjectAccessed:Get"
	case ObjectAccessedGetRetention:
		return "s3:ObjectAccessed:GetRetention"
	case ObjectAccessedGetLegalHold:
		return "s3:ObjectAccessed:GetLegalHold"
	case ObjectAccessedHead:
		return "s3:ObjectAccessed:Head"
	case ObjectAccessedAttributes:
		return "s3:ObjectAccessed:Attributes"
	case ObjectCreatedCompleteMultipartUpload:
		return "s3:ObjectCreated:CompleteMultipartUpload"
	case ObjectCreatedCopy:
		return "s3:ObjectCreated:Copy"
	case ObjectCreatedPost:
		return "s3:ObjectCreated:Post"
	case ObjectCreatedPut:
		return "s3:ObjectCreated:Put"
	case ObjectCreatedPutRetention:
		return "s3:ObjectCreated:PutRetention"
	case ObjectCreatedPutLegalHold:
		return "s3:ObjectCreated:PutLegalHold"
	case ObjectCreatedPutTagging:
		return "s3:ObjectCreated:PutTagging"
	case ObjectCreatedDeleteTagging:
		return "s3:ObjectCreated:DeleteTagging"
	case ObjectRemovedDelete:
		return "s3:ObjectRemoved:Delete"
	case ObjectRemovedDeleteMarkerCreated:
		return "s3:ObjectRemoved:DeleteMarkerCreated"
	case ObjectRemovedDeleteAllVersions:
		return "s3:ObjectRemoved:DeleteAllVersions"
	case ObjectRemovedNoOP:
		return "s3:ObjectRemoved:NoOP"
	}
	return n.otherText()
}

// otherText is text for the names that are not of a client's object request.
func (n Name) otherText() string {
	switch n {
	case BucketCreated:
		return "s3:BucketCreated:*"
	case BucketRemoved:
		return "s3:BucketRemoved:*"
	case ReplicationOperationFailed:
		return "s3:Replication:OperationFailedReplication"
	case ReplicationOperationCompleted:
		return "s3:Replication:OperationCompletedReplication"
	case ReplicationOperationMissedThreshold:
		return "s3:Replication:OperationMissedThreshold"
	case ReplicationOperationReplicatedAfter:
		return "s3:Replication:OperationReplicatedAfterThreshold"
	case ReplicationOperationNotTracked:
		return "s3:Replication:OperationNotTracked"
	case ObjectRestorePost:
		return "s3:ObjectRestore:Post"
	case ObjectRestoreCompleted:
		return "s3:ObjectRestore:Completed"
	case ObjectTransitionFailed:
		return "s3:ObjectTransition:Failed"
	case ObjectTransitionComplete:
		return "s3:ObjectTransition:Complete"
	case ScannerManyVersions:
		return "s3:Scanner:ManyVersions"
	case ScannerLargeVersions:
		return "s3:Scanner:LargeVersions"
	case ScannerBigPrefix:
		return "s3:Scanner:BigPrefix"
	case LifecycleDelMarkerExpirationDelete:
		return "s3:LifecycleDelMarkerExpiration:Delete"
	case LifecycleExpirationDelete:
		return "s3:LifecycleExpiration:Delete"
	case LifecycleExpirationMarkerCreated:
		return "s3:LifecycleExpiration:DeleteMarkerCreated"
	}
	return ""
}

// ParseName reads one name as String writes it. The bucket events are accepted
// without their ":*" too, as the notification guide spells them.
func ParseName(s string) (Name, error) {
	switch s {
	case "s3:BucketCreated":
		return BucketCreated, nil
	case "s3:BucketRemoved":
		return BucketRemoved, nil
	}
	for n := Name(1); n <= lastName; n++ {
		if n.text() == s && s != "" {
			return n, nil
		}
	}
	return 0, fmt.Errorf("event: unknown name %q", s)
}

// IsRemoved reports whether the event's JSON says of the object only which one
// it was (key, version, sequencer): a delete, a delete marker, or a delete that
// found nothing.
func (n Name) IsRemoved() bool {
	switch n {
	case ObjectRemovedDelete, ObjectRemovedDeleteMarkerCreated, ObjectRemovedNoOP,
		LifecycleExpirationDelete, LifecycleExpirationMarkerCreated:
		return true
	}
	return false
}

// IsAccess reports whether nothing was committed: a read, or a delete that
// found nothing. Such events are recorded without waiting for the disk.
func (n Name) IsAccess() bool {
	return n >= ObjectAccessedGet && n <= ObjectAccessedAttributes || n == ObjectRemovedNoOP
}

// IsBucket reports whether the event is of a bucket as a whole. Only listeners
// get those.
func (n Name) IsBucket() bool { return n == BucketCreated || n == BucketRemoved }

// MarshalText is String, or an error for a number that is no name. The stored
// form (CBOR) is the number, not this.
func (n Name) MarshalText() ([]byte, error) {
	s := n.text()
	if s == "" {
		return nil, fmt.Errorf("event: no name has the number %d", uint8(n))
	}
	return []byte(s), nil
}

// UnmarshalText is ParseName.
func (n *Name) UnmarshalText(text []byte) error {
	parsed, err := ParseName(string(text))
	if err != nil {
		return err
	}
	*n = parsed
	return nil
}

// Names is a set of names.
type Names uint64

// SetOf returns the set of the given names.
func SetOf(names ...Name) Names {
	var set Names
	for _, n := range names {
		set |= 1 << n
	}
	return set
}

// Has reports whether n is in the set.
func (s Names) Has(n Name) bool { return s&(1<<n) != 0 }

// Slice returns the names of the set in order of their numbers.
func (s Names) Slice() []Name {
	names := make([]Name, 0, bits.OnesCount64(uint64(s)))
	for rest := uint64(s); rest != 0; rest &= rest - 1 {
		names = append(names, Name(bits.TrailingZeros64(rest)))
	}
	return names
}

// ParsePattern reads an event as rules and listeners name it: one name, or a
// group such as "s3:ObjectCreated:*", which stands for all of its members. S3's
// names for events that MinIO calls otherwise are taken too (Spellings).
// There is no group of everything, nor one of the scanner's events.
func ParsePattern(s string) (Names, error) {
	if group, ok := strings.CutSuffix(s, ":*"); ok {
		if set := groupNames(group); set != 0 {
			return set, nil
		}
	}
	for _, spelling := range s3Spellings() {
		if spelling.Text == s {
			return spelling.Names, nil
		}
	}
	n, err := ParseName(s)
	if err != nil {
		return 0, err
	}
	return SetOf(n), nil
}

func groupNames(group string) Names {
	switch group {
	case "s3:ObjectAccessed", "s3:ObjectCreated", "s3:ObjectRemoved",
		"s3:Replication", "s3:ObjectRestore", "s3:ObjectTransition", "s3:LifecycleExpiration":
	default:
		return 0
	}
	var set Names
	for n := Name(1); n <= lastName; n++ {
		if strings.HasPrefix(n.text(), group+":") {
			set |= SetOf(n)
		}
	}
	return set
}
