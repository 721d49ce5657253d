package config

// Queue holds the settings that every kind of target shares. A kind embeds
// it in its settings, so that delivery can ask any settings for it.
type Queue struct {
	// Dir is the directory of the target's spool; empty keeps the backlog in
	// the journal.
	Dir string
	// Limit is the operator's cap on waiting events; 0 means none: the guide's
	// 100,000 is then an alarm threshold.
	Limit uint64
	// Bytes is the cap on the bytes of their records; 0 means none.
	Bytes uint64
	// Full is what happens at either cap: QueueDrop or QueueRefuse.
	Full string
}

// Values of queue_full.
const (
	// QueueDrop drops the newest events and records each as a gap.
	QueueDrop = "drop"
	// QueueRefuse refuses the writes whose events the target gets.
	QueueRefuse = "refuse"
)

// Refuse reports whether writes are refused at the cap.
func (q Queue) Refuse() bool { return q.Full == QueueRefuse }

// QueueOf reads them from the values of an instance, also of one that is
// switched off or misconfigured. A value that cannot be read is left out.
func QueueOf(i Instance) Queue {
	var (
		q   Queue
		set FieldSet
	)
	q.DirField(&set)
	q.LimitField(&set)
	q.BoundFields(&set)
	texts := make(map[string]string, len(set.fields))
	for _, f := range set.fields {
		texts[f.Key] = i.Values[f.Key].Text
	}
	_ = set.apply(texts, false) // the instance's Err says it, if it matters
	return q
}

// QueueSettings returns q. It is promoted to the settings that embed Queue.
func (q Queue) QueueSettings() Queue { return q }

// DirField declares queue_dir. The order of the two differs among the kinds.
func (q *Queue) DirField(f *FieldSet) {
	f.Path(&q.Dir, "queue_dir", "staging dir for undelivered messages e.g. '/home/events'", Directory())
}

// LimitField declares queue_limit.
func (q *Queue) LimitField(f *FieldSet) {
	f.Uint(&q.Limit, "queue_limit", "maximum limit for undelivered messages, defaults to '100000'", Default("0"))
}

// BoundFields declares the settings of the backlog that MinIO does not have.
func (q *Queue) BoundFields(f *FieldSet) {
	f.Size(&q.Bytes, "queue_bytes", "maximum size of undelivered messages e.g. '10GiB'; 0 is no bound", Default("0"), Extension())
	f.String(&q.Full, "queue_full", "(drop*|refuse)",
		"what happens at queue_limit or queue_bytes: drop the newest events, or refuse the writes that cause them",
		OneOf(QueueDrop, QueueRefuse), Default(QueueDrop), Extension())
}
