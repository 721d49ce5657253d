package server

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/carillon-s3/carillon/internal/accesslog"
	s3api "github.com/carillon-s3/carillon/internal/api/s3"
	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/object"
)

// logDelivery is who stores access logs, in the events of that. It is no request,
// so that a log of the bucket that gets logs does not feed itself.
const logDelivery = "carillon-log-delivery"

func (s *site) newAccessLog() *accesslog.Writer {
	return accesslog.New(accesslog.Config{Logger: s.log, Put: s.storeLog, MaxAge: s.set.logAge})
}

// storeLog stores a batch of an access log.
func (s *site) storeLog(ctx context.Context, bucket, key string, batch []byte) error {
	_, err := s.objects.Put(ctx, object.PutInput{
		Bucket: bucket, Key: key, Body: bytes.NewReader(batch), Size: int64(len(batch)),
		Metadata: map[string]string{"content-type": "text/plain"}, Request: event.Request{Principal: logDelivery},
	})
	return err
}

// minLogAge is the least age: shorter, and every request would be an object.
const minLogAge = time.Second

// logAge is how long a line waits for others; 0 leaves it to the writer.
func (e *environment) logAge() (time.Duration, error) {
	text, variable, ok := e.Lookup(envLogInterval)
	if !ok {
		return 0, nil
	}
	age, err := config.ParseDuration(text)
	if err == nil && age < minLogAge {
		err = fmt.Errorf("%q is less than %s", text, minLogAge)
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %s: %w", ErrUsage, variable, err)
	}
	return age, nil
}

// logRequest adds a request to the log of its bucket, if one is kept.
func (s *site) logRequest(o *s3api.Observation) {
	if o.Bucket == "" {
		return
	}
	to := s.objects.KnownLogging(o.Bucket)
	if to == nil {
		return
	}
	record := accesslog.Record{
		Owner: s3api.OwnerID, Bucket: o.Bucket, Time: o.Start, RemoteIP: o.SourceIP, Requester: o.User, RequestID: o.RequestID,
		Operation: o.Operation, Key: o.Key, Request: o.Request, Answer: o.Answer, Status: o.Status, ErrorCode: o.ErrorCode,
		Sent: o.Sent, Received: o.Received, Total: o.Duration, FirstByte: o.FirstByte, HostID: s.hostID(),
	}
	s.accessLog.Add(accesslog.Target{Bucket: to.Bucket, Prefix: to.Prefix}, record.Line())
}
