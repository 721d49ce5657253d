package event

// Origin says whose name an event's name is.
type Origin string

// Origins.
const (
	// OfMinIO: MinIO's alone.
	OfMinIO Origin = "MinIO"
	// OfS3: Amazon S3's alone. Rules take it, and it means events that go by
	// MinIO's name.
	OfS3 Origin = "Amazon S3"
	// OfBoth: both have it.
	OfBoth Origin = "both"
)

// Spelling is a name that rules and listeners can ask for.
type Spelling struct {
	Text   string
	Origin Origin
	// Names are the events that it means, by the names that MinIO's form tells
	// them by.
	Names Names
}

// s3Spellings are the names of Amazon S3 ("Supported event types") for events
// that MinIO calls otherwise. Events are told by S3's name in the form of
// AppendAWS only.
func s3Spellings() []Spelling {
	return []Spelling{
		{"s3:ObjectTagging:Put", OfS3, SetOf(ObjectCreatedPutTagging)},
		{"s3:ObjectTagging:Delete", OfS3, SetOf(ObjectCreatedDeleteTagging)},
		{"s3:ObjectTagging:*", OfS3, SetOf(ObjectCreatedPutTagging, ObjectCreatedDeleteTagging)},
		{"s3:LifecycleTransition", OfS3, SetOf(ObjectTransitionComplete)},
	}
}

// Spellings returns every name that there is, the groups left out that are made
// of others: those of events by their numbers, then S3's further ones. S3's
// "s3:IntelligentTiering" is not among them, for there is no such storage class
// here, nor are "s3:ReducedRedundancyLostObject", "s3:ObjectAcl:Put", whose
// lists cannot be put, and "s3:TestEvent", which no rule can ask for.
func Spellings() []Spelling {
	all := make([]Spelling, 0, int(lastName)+len(s3Spellings()))
	for n := Name(1); n <= lastName; n++ {
		if text := n.text(); text != "" {
			all = append(all, Spelling{text, n.origin(), SetOf(n)})
		}
	}
	return append(all, s3Spellings()...)
}

// origin says whose name n is: the guide's table against S3's "Supported event
// types".
func (n Name) origin() Origin {
	switch n {
	case ObjectCreatedPut, ObjectCreatedPost, ObjectCreatedCopy, ObjectCreatedCompleteMultipartUpload,
		ObjectRemovedDelete, ObjectRemovedDeleteMarkerCreated,
		ObjectRestorePost, ObjectRestoreCompleted,
		ReplicationOperationFailed, ReplicationOperationMissedThreshold, ReplicationOperationReplicatedAfter, ReplicationOperationNotTracked:
		return OfBoth
	case LifecycleExpirationDelete, LifecycleExpirationMarkerCreated:
		return OfS3
	}
	return OfMinIO
}
