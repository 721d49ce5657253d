package kv

// Field names a number that the store gives to an append at commit.
type Field uint8

// Fields. All are written as 8 bytes, big endian.
const (
	// Sequence is the append's sequence in its log.
	Sequence Field = iota + 1
	// Stamp is the append's stamp.
	Stamp
	// InvertedStamp is ^Stamp, for keys that sort newest first.
	InvertedStamp
)

// Fill asks the store to write, at commit, a number that it gives to an append
// of the same batch over 8 bytes of a key or value.
type Fill struct {
	// Append is the index that Batch.Append returned.
	Append int
	Field  Field
	// InKey chooses the key rather than the value; Offset is counted from its
	// start and the 8 bytes must exist.
	InKey  bool
	Offset int
}

// Check is a requirement of a batch: Key still holds Seen.
type Check struct {
	Key  []byte
	Seen Item
}

// Write sets or deletes a key.
type Write struct {
	Key    []byte
	Value  []byte
	Delete bool
	Fills  []Fill
}

// Append adds a record to a log.
type Append struct {
	Log   LogID
	Value []byte
}

// TrimTo removes the records of Log with sequences below Before, those appended
// by the same batch included; the log's last record always stays.
type TrimTo struct {
	Log    LogID
	Before uint64
}

// Batch collects what one commit does. The zero Batch is empty and usable. The
// store keeps no reference to its slices after the commit has returned; until
// then they must not be changed. Of several writes to one key the last wins.
type Batch struct {
	Checks  []Check
	Writes  []Write
	Appends []Append
	Trims   []TrimTo
}

// Require makes the commit fail with ErrConflict unless key still holds what
// was read as seen (the same revision, or still absent). An engine may also
// answer ErrConflict where nothing changed, if seen is old or its absence was
// interrupted; a caller that reads again gets through.
func (b *Batch) Require(key []byte, seen Item) {
	b.Checks = append(b.Checks, Check{Key: key, Seen: seen})
}

// Set writes value under key, with the given fills.
func (b *Batch) Set(key, value []byte, fills ...Fill) {
	b.Writes = append(b.Writes, Write{Key: key, Value: value, Fills: fills})
}

// Delete removes key; a missing key is no error.
func (b *Batch) Delete(key []byte) {
	b.Writes = append(b.Writes, Write{Key: key, Delete: true})
}

// Append adds a record to log and returns its index for Fill.
func (b *Batch) Append(log LogID, value []byte) int {
	b.Appends = append(b.Appends, Append{Log: log, Value: value})
	return len(b.Appends) - 1
}

// Trim removes the records of log below the sequence before.
func (b *Batch) Trim(log LogID, before uint64) {
	b.Trims = append(b.Trims, TrimTo{Log: log, Before: before})
}

// Empty reports whether the batch would change nothing.
func (b *Batch) Empty() bool {
	return len(b.Writes) == 0 && len(b.Appends) == 0 && len(b.Trims) == 0
}

// Bytes is the size that counts against MaxBatchBytes.
func (b *Batch) Bytes() int {
	n := 0
	for _, w := range b.Writes {
		n += len(w.Key) + len(w.Value)
	}
	for _, a := range b.Appends {
		n += len(a.Value)
	}
	return n
}
