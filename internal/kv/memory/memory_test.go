package memory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/memory"
)

func TestStampsRiseWhenTheClockStepsBack(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	s := memory.NewWithClock(func() time.Time { return now })
	defer s.Close()
	var stamps []uint64
	for range 3 {
		var b kv.Batch
		b.Append(1, []byte("x"))
		p, err := s.Commit(context.Background(), &b)
		if err != nil {
			t.Fatal(err)
		}
		stamps = append(stamps, p[0].Stamp)
		now = now.Add(-time.Hour)
	}
	if stamps[1] != stamps[0]+1 || stamps[2] != stamps[1]+1 {
		t.Errorf("stamps %v do not follow one another", stamps)
	}
}

func TestFail(t *testing.T) {
	t.Parallel()
	s := memory.New()
	defer s.Close()
	cause := errors.New("the disk is gone")
	s.Fail(cause)
	<-s.Failed()
	if err := s.Err(); !errors.Is(err, kv.ErrFailed) || !errors.Is(err, cause) {
		t.Errorf("Err() = %v", err)
	}
	if _, err := s.Get(context.Background(), []byte("k")); !errors.Is(err, kv.ErrFailed) {
		t.Errorf("Get: %v", err)
	}
	var b kv.Batch
	b.Set([]byte("k"), nil)
	if _, err := s.Commit(context.Background(), &b); !errors.Is(err, kv.ErrFailed) {
		t.Errorf("Commit: %v", err)
	}
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	s := memory.New()
	defer s.Close()
	s.Refuse(kv.ErrNoSpace)
	if err := s.Admit(); !errors.Is(err, kv.ErrNoSpace) {
		t.Errorf("Admit: %v", err)
	}
	s.Refuse(nil)
	if err := s.Admit(); err != nil {
		t.Errorf("Admit: %v", err)
	}
}
