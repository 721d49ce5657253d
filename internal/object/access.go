package object

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/kv"
)

// accessWait bounds how long a read waits for room to record its event: reads
// promise no event, and must not wait for a disk that is behind.
const accessWait = 20 * time.Millisecond

// accessState says who wants events of reads, and counts those not recorded.
type accessState struct {
	listeners atomic.Int64
	skipped   atomic.Uint64
}

// Accessed records that a client read a version that Get or Head just returned,
// if a rule or a listener asks for it. It does not wait for the disk: a crash can lose the last milliseconds
// of such events, and their order against mutations is not promised.
func (s *Service) Accessed(ctx context.Context, name event.Name, info Info, req event.Request) {
	// The bucket as it was when the version was looked up, a moment ago: of
	// reads nothing finer is promised, and most of them interest nobody.
	b, ok := s.buckets.lookUp(info.Bucket)
	if !ok || !s.accessWanted(b, name) {
		return
	}
	s.recordAccess(ctx, b, &event.Record{
		Name: name, Bucket: info.Bucket, BucketID: b.ID, Key: info.Key, VersionID: info.VersionID,
		Size: info.Size, ETag: info.ETag, ContentType: info.Metadata[contentType],
		UserMetadata: info.Lock.tell(eventMetadata(info.Metadata)), Request: req, Sequencer: info.Stamp,
	})
}

// AccessSkipped is the number of access events that were wanted and could not
// be recorded since the start.
func (s *Service) AccessSkipped() uint64 { return s.access.skipped.Load() }

func (s *Service) recordAccess(ctx context.Context, b *bucket, rec *event.Record) {
	if !s.accessWanted(b, rec.Name) {
		return
	}
	rec.NoPost = true
	consumers := b.consumers(rec.Name, rec.Key)
	if len(consumers) == 0 && s.access.listeners.Load() == 0 {
		return
	}
	var batch kv.Batch
	added, err := s.journal.Add(&batch, rec, consumers)
	if err != nil {
		s.accessLost(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), accessWait)
	defer cancel()
	committed := func(at []kv.Position, err error) {
		if err == nil {
			s.journal.Committed(added, at)
		}
	}
	if err := s.store.CommitRelaxed(ctx, &batch, committed); err != nil {
		s.accessLost(err)
	}
}

// accessWanted says whether any rule of the bucket or any listener may ask for
// such an event.
func (s *Service) accessWanted(b *bucket, name event.Name) bool {
	return b.rules.Wants(name) || s.access.listeners.Load() > 0
}

func (s *Service) accessLost(err error) {
	if s.access.skipped.Add(1) == 1 {
		s.log.Warn("events of reads are being skipped", "err", err)
	}
}
