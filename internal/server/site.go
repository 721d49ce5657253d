package server

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/carillon-s3/carillon/internal/accesslog"
	"github.com/carillon-s3/carillon/internal/api/admin"
	"github.com/carillon-s3/carillon/internal/blob/file"
	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/kv"
	"github.com/carillon-s3/carillon/internal/kv/pebble"
	"github.com/carillon-s3/carillon/internal/lifecycle"
	"github.com/carillon-s3/carillon/internal/notify"
	"github.com/carillon-s3/carillon/internal/notify/payload"
	"github.com/carillon-s3/carillon/internal/notify/spool"
	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/object"
	"github.com/carillon-s3/carillon/internal/openid"
	"github.com/carillon-s3/carillon/internal/telemetry"
)

// site is everything that is open while the server runs.
type site struct {
	set        *settings
	log        *slog.Logger
	store      *pebble.Store
	blobs      *file.Store
	journal    *journal.Journal
	spools     *spool.Folders
	objects    *object.Service
	config     *config.Store
	identities *iam.Store
	accessLog  *accesslog.Writer
	issuers    *openid.Issuers
	dispatcher *notify.Dispatcher
	handler    http.Handler
	metrics    *telemetry.Metrics
	rules      *lifecycle.Book
	expirer    *lifecycle.Scanner
	known      known

	deployment string
	counted    atomic.Pointer[admin.Usage]
	// stops takes an operator's wish to stop: nil, or ErrRestart.
	stops      chan error
	draining   chan struct{}
	background sync.WaitGroup
	endConfig  func()
}

// openSite opens the store and makes everything that serves it. On error all
// that was opened is closed.
func openSite(ctx context.Context, set *settings, address net.Addr, log *slog.Logger) (_ *site, err error) {
	s := &site{set: set, log: log, stops: make(chan error, 1), draining: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	s.metrics = s.newMetrics(address)
	if err := s.openStores(ctx); err != nil {
		return nil, err
	}
	encoder := &event.Encoder{
		Region: set.region, DeploymentID: s.deployment, HostID: s.hostID(), Endpoint: s.endpoint(address),
	}
	if err := s.openConfig(ctx); err != nil {
		return nil, err
	}
	s.dispatcher = notify.New(notify.Options{
		Journal: s.journal, Encoder: payload.Encoder{Events: encoder}, Logger: log, Observe: s.observeTarget,
		Env: target.Env{Logger: log, UserAgent: "Carillon/" + Version(), RootCAs: set.certs.Roots()},
	})
	s.objects, err = object.Open(ctx, object.Config{
		Store: s.store, Blobs: s.blobs, Journal: s.journal,
		Region: set.region, KnownTarget: s.dispatcher.Known, Keys: set.keys, AutoEncrypt: set.autoEncrypt, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	if err := s.followTargets(ctx); err != nil {
		return nil, err
	}
	s.accessLog = s.newAccessLog()
	s.openLifecycle(address)
	s.handler = s.newHandler(encoder)
	return s, nil
}

// openStores opens the metadata store, the journal in it with its spools, and the
// store of bytes, whose references carry the incarnation of this opening.
func (s *site) openStores(ctx context.Context) (err error) {
	s.store, err = pebble.Open(pebble.Options{
		Dir: filepath.Join(s.set.folder, metadataFolder), ReserveBytes: s.set.reserve,
		Logger: s.log, OnGroup: s.observeGroup,
	})
	if err != nil {
		return fmt.Errorf("open %s: %w", s.set.folder, err)
	}
	if s.journal, err = journal.Open(ctx, s.store); err != nil {
		return err
	}
	s.spools = spool.New(spool.Options{})
	if err = s.journal.OpenSpools(ctx, s.spools, s.log); err != nil {
		return fmt.Errorf("open the spools: %w", err)
	}
	s.blobs, err = file.Open(file.Options{
		Dir: filepath.Join(s.set.folder, blobFolder), Incarnation: s.store.Incarnation(),
	})
	if err != nil {
		return fmt.Errorf("open %s: %w", s.set.folder, err)
	}
	s.deployment, err = deploymentID(ctx, s.store)
	return err
}

// deploymentKey holds the site's id, in the key-space of settings.
const deploymentKey = "s/deployment"

// deploymentID is the site's id, made at its first start.
func deploymentID(ctx context.Context, store kv.Store) (string, error) {
	item, err := store.Get(ctx, []byte(deploymentKey))
	if err != nil {
		return "", fmt.Errorf("read the deployment id: %w", err)
	}
	if item.Exists() {
		return string(item.Value), nil
	}
	id := uuid.NewString()
	var b kv.Batch
	b.Require([]byte(deploymentKey), item)
	b.Set([]byte(deploymentKey), []byte(id))
	if _, err := store.Commit(ctx, &b); err != nil {
		return "", fmt.Errorf("write the deployment id: %w", err)
	}
	return id, nil
}

// hostID is the x-amz-id-2 of all answers.
func (s *site) hostID() string {
	sum := sha256.Sum256([]byte(s.deployment))
	return hex.EncodeToString(sum[:])
}

// endpoint is the address that events name as their origin.
func (s *site) endpoint(address net.Addr) string {
	if s.set.publicURL != "" {
		return s.set.publicURL
	}
	return urls(s.set.scheme(), address)[0]
}

// startBackground starts what runs beside the requests until ctx ends.
func (s *site) startBackground(ctx context.Context, reload <-chan os.Signal) {
	s.background.Go(func() { s.set.certs.Follow(ctx, reload, s.trust) })
	s.background.Go(func() { s.objects.Run(ctx) })
	s.background.Go(func() { s.sweepLeftovers(ctx) })
	s.background.Go(func() { s.abortStaleUploads(ctx) })
	s.background.Go(func() { s.trimJournal(ctx) })
	s.background.Go(func() { s.expirer.Run(ctx) })
	s.background.Go(func() { s.countUsage(ctx) })
	s.background.Go(func() { s.accessLog.Run(ctx) })
}

// trust has all whom the server calls be checked against other roots.
func (s *site) trust(roots *x509.CertPool) {
	s.dispatcher.Trust(roots)
	s.issuers.Trust(roots)
}

// close closes what is open, in the order of use.
func (s *site) close() error {
	var errs []error
	if s.endConfig != nil {
		s.endConfig()
	}
	if s.dispatcher != nil {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // drain has waited already
		_ = s.dispatcher.Close(ctx)
	}
	if s.issuers != nil {
		s.issuers.Close()
	}
	if s.journal != nil {
		s.journal.CloseSpools()
	}
	if s.blobs != nil {
		errs = append(errs, s.blobs.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}
