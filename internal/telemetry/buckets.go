package telemetry

import "github.com/prometheus/client_golang/prometheus"

const bucketLabel = "bucket"

// BucketState is what a bucket holds.
type BucketState struct {
	Name           string
	Objects, Bytes int64
}

func declareBuckets(d *declarations, c Config) {
	objects := d.asked(Buckets, Gauge, "minio_bucket_usage_object_total", "Objects in the bucket, as last counted.", bucketLabel)
	bytes := d.asked(Buckets, Gauge, "minio_bucket_usage_total_bytes", "Bytes of those objects.", bucketLabel)
	if c.Buckets == nil {
		return
	}
	d.collect(Buckets, func(scrape chan<- prometheus.Metric) {
		for _, b := range c.Buckets() {
			objects.send(scrape, float64(b.Objects), b.Name)
			bytes.send(scrape, float64(b.Bytes), b.Name)
		}
	})
}
