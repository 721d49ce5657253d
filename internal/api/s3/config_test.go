package s3api_test

import s3api "github.com/carillon-s3/carillon/internal/api/s3"

// regional gives the site a region.
func regional(region string) func(*s3api.Config) {
	return func(c *s3api.Config) { c.Region = region }
}
