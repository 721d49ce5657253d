package telemetry

import "github.com/prometheus/client_golang/prometheus"

const bucketLabel = "bucket"

// BucketState is what a bucket holds.
type BucketState struct {
	Name                              string
	Objects, Versions, Markers, Bytes int64
}

func declareBuckets(d *declarations, c Config) {
	objects := d.asked(Buckets, Gauge, "minio_bucket_usage_object_total", "Objects in the bucket, as last counted.", bucketLabel)
	versions := d.asked(Buckets, Gauge, "minio_bucket_usage_version_total", "Versions in the bucket, the latest ones included, as last counted.", bucketLabel)
	markers := d.asked(Buckets, Gauge, "minio_bucket_usage_deletemarker_total", "Delete markers in the bucket, as last counted.", bucketLabel)
	bytes := d.asked(Buckets, Gauge, "minio_bucket_usage_total_bytes", "Bytes of all versions in the bucket.", bucketLabel)
	if c.Buckets == nil {
		return
	}
	d.collect(Buckets, func(scrape chan<- prometheus.Metric) {
		for _, b := range c.Buckets() {
			objects.send(scrape, float64(b.Objects), b.Name)
			versions.send(scrape, float64(b.Versions), b.Name)
			markers.send(scrape, float64(b.Markers), b.Name)
			bytes.send(scrape, float64(b.Bytes), b.Name)
		}
	})
}
