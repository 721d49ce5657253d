package target

// Mirror is what a message means for a copy of the bucket's keys: a row, field
// or document per key that shows what GET shows (format=namespace).
type Mirror uint8

// Meanings.
const (
	// MirrorNothing: the event changed nothing (an access, a delete of a missing
	// key). It is acknowledged, and the copy stays.
	MirrorNothing Mirror = iota
	// MirrorSet: GET shows the version that Body describes.
	MirrorSet
	// MirrorDelete: GET answers 404.
	MirrorDelete
)

// Mirror says what m means for a copy of the bucket's keys. It follows the state
// that the event left, not the event's name: removing the latest version can
// bring an older one to light. Copies are guarded by Sequencer, so that a
// duplicate that comes late changes nothing; also one that comes after a
// delete.
func (m Message) Mirror() Mirror {
	switch {
	case m.Record.NoPost:
		return MirrorNothing
	case m.Record.Post == nil:
		return MirrorDelete
	}
	return MirrorSet
}
