package sdk

import (
	"os"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// envRestic names the program restic.
const envRestic = "CARILLON_RESTIC"

// TestRestic backs up, changes, backs up, verifies, restores and forgets.
func TestRestic(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "http", true: "https"}[secure], func(t *testing.T) {
			t.Parallel()
			e := startEndpoint(t, secure)
			c := newCommand(t, e, harness.Tool(t, envRestic, "restic/*/restic"))
			c.env = append(c.env, "RESTIC_REPOSITORY=s3:"+e.URL()+"/backups/mine", "RESTIC_PASSWORD=correct horse", "RESTIC_CACERT="+e.authority)
			walkRestic(t, c, e)
		})
	}
}

func walkRestic(t *testing.T, c *command, e endpoint) {
	c.fill("data")
	first := c.tree("data")
	c.ok("init") // makes the bucket
	ruleFor(t, e, "backups")
	c.ok("backup", "--tag", "first", "data")
	c.write("data/new", noise(3<<20))
	c.write("data/empty", []byte("no longer"))
	if err := os.Remove(c.path("data/large")); err != nil {
		t.Fatal(err)
	}
	second := c.tree("data")
	c.ok("backup", "--tag", "second", "data")
	want(t, c.ok("snapshots"), "first", "second", "2 snapshots")
	want(t, c.ok("check", "--read-data"), "no errors were found")
	c.ok("restore", "--tag", "first", "latest", "--target", "one", "--verify")
	c.ok("restore", "--tag", "second", "latest", "--target", "two", "--verify")
	sameTree(t, "first backup", c.tree("one/data"), first)
	sameTree(t, "second backup", c.tree("two/data"), second)
	c.ok("forget", "--keep-last", "1", "--prune")
	want(t, c.ok("snapshots"), "second", "1 snapshots")
	want(t, c.ok("check", "--read-data"), "no errors were found")
	e.receiver.Wait(t, "events of what prune removed", func(all []harness.Delivery) bool {
		for _, d := range all {
			if d.EventName == "s3:ObjectRemoved:Delete" && d.Accepted() {
				return true
			}
		}
		return false
	})
}
