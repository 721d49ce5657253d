package object

import (
	"bytes"
	"context"

	"github.com/carillon-s3/carillon/internal/event"
)

// Notification returns a bucket's notification configuration, nil if it has
// none. Rules whose target is not configured any more are in it: nothing that
// was stored is hidden from a client that reads, changes and writes it back.
// ErrNoSuchBucket.
func (s *Service) Notification(ctx context.Context, bucketName string) (*event.Config, error) {
	b, _, err := s.readBucket(ctx, s.store, bucketName)
	if err != nil {
		return nil, err
	}
	return b.Notification, nil
}

// SetNotification replaces a bucket's notification configuration by the given
// XML document; one without rules removes it. It returns once that is durable:
// mutations that commit later are matched by the new rules, those before by the
// old. A document that S3 would refuse gives a *event.ConfigError and changes
// nothing. ErrNoSuchBucket.
func (s *Service) SetNotification(ctx context.Context, bucketName string, document []byte) error {
	_, err := s.updateBucket(ctx, bucketName, func(r *bucketRecord) error {
		config, err := event.ParseConfig(bytes.NewReader(document), event.Site{
			Region: s.region, Known: s.known, Stored: r.Notification,
		})
		if err != nil {
			return err
		}
		if len(config.Queues) == 0 {
			config = nil
		}
		r.Notification = config
		return nil
	})
	return err
}
