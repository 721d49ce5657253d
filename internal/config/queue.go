package config

// Queue holds the two settings that every kind of target shares. A kind embeds
// it in its settings, so that delivery can ask any settings for it.
type Queue struct {
	// Dir is the directory of the target's spool; empty keeps the backlog in
	// the journal.
	Dir string
	// Limit is the operator's cap on waiting events; 0 means none: the guide's
	// 100,000 is then an alarm threshold.
	Limit uint64
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
