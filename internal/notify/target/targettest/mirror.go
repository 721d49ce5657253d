package targettest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// mirrorCases are for kinds that keep a copy of the bucket's keys.
func mirrorCases() []testCase {
	return []testCase{
		{name: "mirror: put, replace, delete", run: testMirrorFollows},
		{name: "mirror: reads change nothing", run: testMirrorIgnoresReads},
		{name: "mirror: older version shows", run: testMirrorOlderVersion},
		{name: "mirror: late put", run: testMirrorLatePut},
		{name: "mirror: late put after a delete", run: testMirrorLatePutAfterDelete},
		{name: "mirror: late delete", run: testMirrorLateDelete},
		{name: "mirror: odd keys are told apart", run: testMirrorOddKeys},
		{name: "mirror: against a model", run: testMirrorModel},
	}
}

func testMirrorFollows(t *testing.T, c *session) {
	put, replaced := c.message("k", 0), c.message("k", 5)
	c.mustSend(t, put)
	c.wantRows(t, put)
	c.mustSend(t, replaced)
	c.wantRows(t, replaced)
	c.mustSend(t, c.removal("k"))
	c.wantRows(t)
	again := c.message("k", 0)
	c.mustSend(t, again)
	c.wantRows(t, again)
}

func testMirrorIgnoresReads(t *testing.T, c *session) {
	put := c.message("k", 0)
	c.mustSend(t, put)
	c.mustSend(t, c.read("k"))
	c.mustSend(t, c.read("missing"))
	c.wantRows(t, put)
}

// testMirrorOlderVersion: the latest version is removed, and the one before it
// comes to light.
func testMirrorOlderVersion(t *testing.T, c *session) {
	c.mustSend(t, c.message("k", 0))
	shown := c.messageOf(&event.Record{
		Name: event.ObjectRemovedDelete, Bucket: "bucket", BucketID: 1, Key: "k", VersionID: "v2", Post: &event.State{VersionID: "v1"},
	})
	c.mustSend(t, shown)
	c.wantRows(t, shown)
}

func testMirrorLatePut(t *testing.T, c *session) {
	older, newer := c.message("k", 0), c.message("k", 5)
	c.mustSend(t, older)
	c.mustSend(t, newer)
	c.mustSend(t, older)
	c.wantRows(t, newer)
	c.mustSend(t, newer)
	c.wantRows(t, newer)
}

func testMirrorLatePutAfterDelete(t *testing.T, c *session) {
	put := c.message("k", 0)
	c.mustSend(t, put)
	c.mustSend(t, c.removal("k"))
	c.mustSend(t, put)
	c.wantRows(t)
	never, removal := c.message("other", 0), c.removal("other")
	c.mustSend(t, removal)
	c.mustSend(t, never)
	c.wantRows(t)
}

func testMirrorLateDelete(t *testing.T, c *session) {
	removal := c.removal("k")
	put := c.message("k", 0)
	c.mustSend(t, put)
	c.mustSend(t, removal)
	c.wantRows(t, put)
}

// testMirrorOddKeys: keys that a column, a collation or an escape could take for
// one another.
func testMirrorOddKeys(t *testing.T, c *session) {
	var msgs []target.Message
	for _, key := range []string{"a", "A", "ä", "a ", "a\t", "a%20", "a+", "a/", "a//", `a\`, "a\x01", "a'", `a"`, "ß", "ss", "é", "e\u0301"} {
		msgs = append(msgs, c.message(key, 0))
	}
	for _, m := range msgs {
		c.mustSend(t, m)
	}
	c.wantRows(t, msgs...)
}

// testMirrorModel sends a random history, in which anything sent before may come
// again, and compares the copy with a model.
func testMirrorModel(t *testing.T, c *session) {
	const steps, keys = 400, 6
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // a test's
	var (
		sent  []target.Message
		last  = make(map[string]target.Message)
		batch []target.Message
	)
	flush := func() {
		if len(batch) > 0 {
			c.mustSend(t, batch...)
			batch = nil
		}
	}
	for range steps {
		key := fmt.Sprintf("k%d", random.IntN(keys))
		var m target.Message
		switch n := random.IntN(10); {
		case n < 4 && len(sent) > 0:
			m = sent[random.IntN(len(sent))]
		case n < 8:
			m = c.message(key, random.IntN(9))
		default:
			m = c.removal(key)
		}
		if !c.traits.Ordered && holds(batch, m.Key) || len(batch) >= min(c.traits.MaxBatch, 20) {
			flush()
		}
		batch, sent = append(batch, m), append(sent, m)
		if last[m.Key].Sequencer <= m.Sequencer {
			last[m.Key] = m
		}
	}
	flush()
	var want []target.Message
	for _, m := range last {
		if m.Mirror() == target.MirrorSet {
			want = append(want, m)
		}
	}
	c.wantRows(t, want...)
}

func holds(batch []target.Message, key string) bool {
	for _, m := range batch {
		if m.Key == key {
			return true
		}
	}
	return false
}

// removal makes the next message: the key is gone.
func (c *session) removal(key string) target.Message {
	return c.messageOf(&event.Record{Name: event.ObjectRemovedDelete, Bucket: "bucket", BucketID: 1, Key: key})
}

// read makes the next message: the key was read.
func (c *session) read(key string) target.Message {
	return c.messageOf(&event.Record{Name: event.ObjectAccessedGet, Bucket: "bucket", BucketID: 1, Key: key, NoPost: true})
}

// wantRows checks that the copy shows these messages and nothing else.
func (c *session) wantRows(t *testing.T, msgs ...target.Message) {
	t.Helper()
	want := make(map[string]string)
	for _, m := range msgs {
		want[m.Key] = c.text(string(m.Body))
	}
	got := c.rows(t, c.harness)
	for key, body := range got {
		got[key] = c.text(body)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}
