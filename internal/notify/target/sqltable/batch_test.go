package sqltable

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// batchOf makes messages of "key sequencer", of reads if a "?" follows.
func batchOf(texts ...string) []target.Message {
	var batch []target.Message
	for _, text := range texts {
		key, sequencer, _ := strings.Cut(text, " ")
		sequencer, read := strings.CutSuffix(sequencer, "?")
		batch = append(batch, target.Message{Key: key, Sequencer: sequencer, Record: &event.Record{NoPost: read}})
	}
	return batch
}

func TestNewest(t *testing.T) {
	t.Parallel()
	var got []string
	for _, m := range Newest(batchOf("a 1", "b 1", "a 3", "c 1?", "a 2", "b 2?", "a 3")) {
		got = append(got, m.Key+" "+m.Sequencer)
	}
	if diff := cmp.Diff([]string{"b 1", "a 3"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCommit: of a batch with data that the database refuses all else is
// committed, but for later events of the same key.
func TestCommit(t *testing.T) {
	t.Parallel()
	errRefused, errDown := errors.New("refused: s3cret"), errors.New("down")
	tests := map[string]struct {
		batch   []target.Message
		down    bool
		commits []string
		failed  []int
		want    error
	}{
		"all":         {batchOf("a 1", "b 1"), false, []string{"a 1,b 1"}, nil, nil},
		"one of them": {batchOf("a 1", "bad 1", "bad 2", "b 1"), false, []string{"a 1", "b 1"}, []int{1, 2}, nil},
		"the only":    {batchOf("bad 1"), false, nil, nil, errRefused},
		"trouble":     {batchOf("a 1", "b 1"), true, nil, nil, errDown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var commits []string
			err := Commit(tt.batch, func(part []target.Message) error {
				var names []string
				for _, m := range part {
					if m.Key == "bad" {
						return errRefused
					}
					names = append(names, m.Key+" "+m.Sequencer)
				}
				if tt.down {
					return errDown
				}
				commits = append(commits, strings.Join(names, ","))
				return nil
			}, func(err error) bool { return errors.Is(err, errRefused) }, func(err error) error { return fmt.Errorf("clean: %w", err) })
			if diff := cmp.Diff(tt.commits, commits); diff != "" {
				t.Errorf("committed (-want +got):\n%s", diff)
			}
			var some *target.BatchError
			if errors.As(err, &some) != (tt.failed != nil) || !errors.Is(err, tt.want) && tt.failed == nil {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if Settled(err) != !tt.down {
				t.Errorf("the connection can be used again after %v: %t", err, Settled(err))
			}
			for _, i := range tt.failed {
				if some.Failed[i] == nil {
					t.Errorf("%d did not fail", i)
				}
			}
		})
	}
}

func TestCleanKeepsWhatIsPermanent(t *testing.T) {
	t.Parallel()
	err := Clean(target.Permanent(errors.New("of user s3cret")), "s3cret")
	if !target.IsPermanent(err) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%v", err)
	}
}

func TestPruneIsDueOnceAnInterval(t *testing.T) {
	t.Parallel()
	var p Prune
	now := time.Unix(1_700_000_000, 0)
	for after, want := range []bool{true, false, false, true} {
		if got := p.Due(now.Add(time.Duration(after) * pruneEvery / 3)); got != want {
			t.Errorf("after %d thirds: %t", after, got)
		}
	}
}
