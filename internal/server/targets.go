package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/notify"
	"github.com/carillon-s3/carillon/internal/notify/all"
	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/openid"
)

// openConfig reads the stored settings of all sub-systems and the identities,
// whose secrets are sealed alike, and names the variables of the environment that
// mean nothing.
func (s *site) openConfig(ctx context.Context) error {
	var subSystems []config.SubSystem
	for _, kind := range all.Kinds() {
		subSystems = append(subSystems, kind.SubSystem())
	}
	subSystems = append(subSystems, openid.SubSystem())
	registry, err := config.NewRegistry(subSystems)
	if err != nil {
		return err
	}
	sealer, err := s.openSealer(ctx)
	if err != nil {
		return err
	}
	s.config, err = config.Open(ctx, config.StoreOptions{
		Registry: registry, KV: s.store, Env: s.set.env.Env, Logger: s.log, Sealer: sealer,
	})
	if err != nil {
		return fmt.Errorf("open the settings: %w", err)
	}
	s.identities, err = iam.OpenStore(ctx, iam.StoreConfig{KV: s.store, Root: s.set.root, Sealer: sealer, Logger: s.log})
	if err != nil {
		return fmt.Errorf("open users and policies: %w", err)
	}
	for _, sentence := range append(s.set.env.warnings, registry.Unknown(s.set.env.Env, knownEnv(), s.config.All())...) {
		s.log.Warn("environment", "warning", sentence)
	}
	return nil
}

// openSealer opens what keeps the secrets of targets and users sealed. If neither
// the root secret nor the key file opens it, the server runs without: targets with
// stored secrets are misconfigured, and their events wait; only root gets in.
func (s *site) openSealer(ctx context.Context) (config.Sealer, error) {
	sealer, err := config.OpenSealer(ctx, config.KeySource{
		KV: s.store, RootSecret: s.set.root.SecretKey, File: filepath.Join(s.set.folder, sealingKeyFile),
	})
	if errors.Is(err, config.ErrDataKey) {
		s.log.Error("stored secrets cannot be opened: start with the former root password once, or set them again", "err", err)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the sealing key: %w", err)
	}
	return sealer, nil
}

// followTargets has the dispatcher deliver to the configured targets, and the
// configured issuers be asked, now and after each change, at once. A change that cannot be applied is logged: the
// settings are stored, and the next start or change tries again.
func (s *site) followTargets(ctx context.Context) error {
	apply := func(ctx context.Context) error {
		targets := s.configuredTargets()
		s.journal.SpoolTo(s.spoolFolders(targets))
		return s.dispatcher.Apply(ctx, targets)
	}
	if err := apply(ctx); err != nil {
		return err
	}
	s.issuers = openid.New(openid.Options{RootCAs: s.set.certs.Roots(), UserAgent: "Carillon/" + Version(), Logger: s.log})
	s.issuers.Apply(s.config.Effective(openid.Name))
	background := context.WithoutCancel(ctx)
	s.endConfig = s.config.OnChange(func(changed []config.Instance) {
		if slices.ContainsFunc(changed, func(i config.Instance) bool { return i.SubSystem == openid.Name }) {
			s.issuers.Apply(s.config.Effective(openid.Name))
		}
		if err := apply(background); err != nil {
			s.log.Error("a change of targets could not be applied", "err", err)
		}
	})
	return nil
}

// checkQueueDir says why the queue_dir of an instance cannot be made. At `config
// set` that is refused; found here, the target alone is misconfigured. One that
// cannot be written now, since it is full or read-only, stops no delivery: the
// journal keeps what would go there.
func checkQueueDir(kind target.Kind, i config.Instance) error {
	if i.Settings == nil {
		return nil
	}
	dir := kind.Queue(i.Settings).Dir
	if dir == "" {
		return nil
	}
	const ownerOnly = 0o700 // the spool holds users' data
	if err := os.MkdirAll(dir, ownerOnly); err != nil {
		return fmt.Errorf("queue_dir: %w", err)
	}
	return nil
}

// spoolFolders are the folders of the targets that have a queue_dir.
func (s *site) spoolFolders(targets []notify.Configured) map[string]string {
	folders := make(map[string]string)
	for _, c := range targets {
		if c.Settings == nil {
			continue
		}
		if dir := c.Kind.Queue(c.Settings).Dir; dir != "" {
			folders[c.Target.String()] = s.spools.Dir(dir, c.Target.Type, c.Target.ID)
		}
	}
	return folders
}

// configuredTargets are the instances of all kinds as delivery takes them.
func (s *site) configuredTargets() []notify.Configured {
	var out []notify.Configured
	for _, kind := range all.Kinds() {
		for _, i := range s.config.Effective(kind.SubSystem().Name) {
			out = append(out, notify.Configured{
				Target:   event.TargetID{ID: i.Target, Type: kind.ARNType},
				Kind:     kind,
				Settings: i.Settings,
				Err:      errors.Join(i.Err, checkQueueDir(kind, i)),
				Disabled: !i.Enabled,
				Queue:    config.QueueOf(i),
			})
		}
	}
	return out
}
