package guide

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/test/harness"
)

// TestQuota types the commands about quotas: what does not fit is refused, and
// fits once something is gone.
func TestQuota(t *testing.T) {
	t.Parallel()
	server := harness.Start(t, harness.Options{})
	mc := harness.NewMC(t).Alias("myminio", server)
	mc.OK("mb", "myminio/docs")
	mc.OK("quota", "info", "myminio/docs")
	half := write(t, "half", strings.Repeat("x", 600<<10))
	mc.OK("quota", "set", "myminio/docs", "--size", "1MiB")
	if got := mc.OK("quota", "info", "myminio/docs"); !strings.Contains(got, "1.0 MiB") {
		t.Errorf("info: %s", got)
	}
	mc.OK("cp", half, "myminio/docs/a")
	if got := mc.Refused("cp", half, "myminio/docs/b"); !strings.Contains(got, "Bucket quota exceeded") {
		t.Errorf("beyond the quota: %s", got)
	}
	server.Kill()
	server.Restart()
	mc.Refused("cp", half, "myminio/docs/b")
	mc.Refused("cp", "myminio/docs/a", "myminio/docs/b")
	mc.OK("rm", "myminio/docs/a")
	mc.OK("cp", half, "myminio/docs/b")
	mc.OK("quota", "clear", "myminio/docs")
	mc.OK("cp", half, "myminio/docs/c")
	mc.Refused("quota", "set", "myminio/none", "--size", "1MiB")
	mc.Refused("quota", "info", "myminio/none")
}
