package redis

import (
	"context"
	_ "embed"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/carillon-s3/carillon/internal/notify/target"
)

// keepDeleted is how long the sequencer of a deleted key guards against older
// events that come late.
const keepDeleted = 7 * 24 * time.Hour

//go:embed mirror.lua
var mirrorScript string

// mirror is a hash whose fields are the keys that GET shows. A script guards
// every write by the sequencer: that of the value in the hash, or of the delete
// that took it away.
type mirror struct {
	keys   []string // of the script
	env    target.Env
	script *goredis.Script
}

func newMirror(key string, env target.Env) *mirror {
	return &mirror{
		keys:   []string{key, key + ":carillon-deleted", key + ":carillon-deleted-at"},
		env:    env,
		script: goredis.NewScript(mirrorScript),
	}
}

// apply brings the hash to the state that the events left, all at once.
func (mi *mirror) apply(ctx context.Context, s *session, batch []target.Message) error {
	now := mi.env.Time()
	args := make([]any, 2, 2+3*len(batch))
	args[0], args[1] = now.Unix(), now.Add(-keepDeleted).Unix()
	for i := range batch {
		m := &batch[i]
		switch m.Mirror() {
		case target.MirrorSet:
			args = append(args, m.Key, m.Sequencer, m.Body)
		case target.MirrorDelete:
			args = append(args, m.Key, m.Sequencer, "")
		case target.MirrorNothing:
		}
	}
	if len(args) == 2 {
		return nil
	}
	return mi.script.Run(ctx, s.client, mi.keys, args...).Err()
}
