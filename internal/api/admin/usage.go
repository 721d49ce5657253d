package admin

import "time"

// usageAnswer is what `mc stat BUCKET` reads.
type usageAnswer struct {
	LastUpdate    time.Time              `json:"lastUpdate"`
	Objects       int64                  `json:"objectsCount"`
	Versions      int64                  `json:"versionsCount"`
	DeleteMarkers int64                  `json:"deleteMarkersCount"`
	Bytes         int64                  `json:"objectsTotalSize"`
	BucketsCount  int64                  `json:"bucketsCount"`
	Buckets       map[string]bucketUsage `json:"bucketsUsageInfo"`
	Capacity      uint64                 `json:"capacity"`
	FreeCapacity  uint64                 `json:"freeCapacity"`
	UsedCapacity  uint64                 `json:"usedCapacity"`
}

type bucketUsage struct {
	Bytes         int64            `json:"size"`
	Objects       int64            `json:"objectsCount"`
	Versions      int64            `json:"versionsCount"`
	DeleteMarkers int64            `json:"deleteMarkersCount"`
	Sizes         map[string]int64 `json:"objectsSizesHistogram"`
	VersionCounts map[string]int64 `json:"objectsVersionsHistogram"`
}

// dataUsage answers `mc stat BUCKET`. Without counts the answer is empty, which
// the client takes for not known.
func (h *Handler) dataUsage(c *call) error {
	usage, _ := h.usage(c.r.Context())
	out := usageAnswer{
		LastUpdate: usage.Time, BucketsCount: int64(len(usage.Buckets)), Buckets: make(map[string]bucketUsage, len(usage.Buckets)),
	}
	if space, err := diskSpace(h.Folder); err == nil {
		out.Capacity, out.FreeCapacity, out.UsedCapacity = space.total, space.available, space.total-space.free
	}
	for _, b := range usage.Buckets {
		out.Objects += b.Objects
		out.Versions += b.Versions
		out.DeleteMarkers += b.DeleteMarkers
		out.Bytes += b.Bytes
		out.Buckets[b.Name] = bucketUsage{
			Bytes: b.Bytes, Objects: b.Objects, Versions: b.Versions, DeleteMarkers: b.DeleteMarkers,
			Sizes: map[string]int64{}, VersionCounts: map[string]int64{},
		}
	}
	return c.plain(out)
}
