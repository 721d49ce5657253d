package server

import (
	"net/http"
	"strings"

	"github.com/carillon-s3/carillon/internal/api/admin"
	"github.com/carillon-s3/carillon/internal/api/metrics"
	s3api "github.com/carillon-s3/carillon/internal/api/s3"
	"github.com/carillon-s3/carillon/internal/api/sts"
	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/notify/all"
)

// isAdmin reports whether a path is not S3's: no bucket can have such a name.
func isAdmin(path string) bool {
	return strings.HasPrefix(path, "/minio/") || strings.HasPrefix(path, "/carillon/")
}

// newHandler joins the surfaces: that of metrics, the admin's paths, STS, and S3
// for all else. On the host of a bucket every path is a key of it.
func (s *site) newHandler(encoder *event.Encoder) http.Handler {
	verifier := iam.New(iam.Config{Credentials: s.identities, Sessions: s.identities, Region: s.set.region})
	objects := s3api.New(s3api.Config{
		Service: s.objects, Verifier: verifier, Encoder: encoder,
		Region: s.set.region, HostID: encoder.HostID, TrustedProxies: s.set.proxies, Domains: s.set.domains, AllowOrigins: s.set.origins,
		Draining: s.draining, Hold: holdAnswer, Expiration: s.rules.Expiration, Logger: s.log, Observe: s.observeRequest,
	})
	administration := admin.New(admin.Config{
		Settings: s.config, Identities: s.identities, TrustedProxies: s.set.proxies, Verifier: verifier, Targets: s.dispatcher,
		Health: health{s}, Control: control{s.stops}, TargetID: targetID, Usage: s.usage, Buckets: s.objects, MasterKeys: s.set.keys,
		DeploymentID: s.deployment, Region: s.set.region, Version: Version(), HostID: encoder.HostID,
		Folder: s.set.folder, Logger: s.log, Quotas: s.objects,
		Events: admin.Events{Journal: s.journal, Objects: s.objects, Delivery: s.dispatcher, Encoder: encoder},
	})
	scrapes := metrics.New(metrics.Config{
		Metrics: s.metrics, Credentials: s.identities, Public: s.set.publicMetrics, Logger: s.log,
	})
	temporary := sts.New(sts.Config{
		Identities: s.identities, Issuers: s.issuers, Verifier: verifier, TrustedProxies: s.set.proxies,
		HostID: encoder.HostID, Logger: s.log, Observe: s.observeSession,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosted := s.set.domains.Bucket(r.Host) != ""
		switch {
		case !hosted && scrapes.Takes(r):
			scrapes.ServeHTTP(w, r)
		case !hosted && isAdmin(r.URL.Path):
			administration.ServeHTTP(w, r)
		case !hosted && sts.Takes(r):
			s.metrics.Requests.Begin()
			defer s.metrics.Requests.End()
			temporary.ServeHTTP(w, r)
		default:
			s.metrics.Requests.Begin()
			defer s.metrics.Requests.End()
			objects.ServeHTTP(w, r)
		}
	})
}

// targetID names the target of an instance of a kind's settings.
func targetID(i config.Instance) (event.TargetID, bool) {
	for _, kind := range all.Kinds() {
		if i.SubSystem == kind.SubSystem().Name {
			return event.TargetID{ID: i.Target, Type: kind.ARNType}, true
		}
	}
	return event.TargetID{}, false
}

// health answers from the state of the store.
type health struct{ *site }

// Readable implements admin.Health.
func (h health) Readable() error { return h.store.Err() }

// Writable implements admin.Health.
func (h health) Writable() error { return h.objects.Admit() }

// control hands an operator's wish to serve; a second wish changes nothing.
type control struct{ stops chan<- error }

// Restart implements admin.Control.
func (c control) Restart() { c.ask(ErrRestart) }

// Stop implements admin.Control.
func (c control) Stop() { c.ask(nil) }

func (c control) ask(reason error) {
	select {
	case c.stops <- reason:
	default:
	}
}
