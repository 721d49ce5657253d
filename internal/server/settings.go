package server

import (
	"net/netip"
	"time"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
	"github.com/carillon-s3/carillon/internal/certs"
	"github.com/carillon-s3/carillon/internal/cors"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/journal"
	"github.com/carillon-s3/carillon/internal/sse"
)

// settings are those of the process: what is not stored and needs a restart.
type settings struct {
	env         *environment
	folder      string
	root        iam.Credential
	defaultRoot bool
	region      string
	publicURL   string
	proxies     []netip.Prefix
	domains     *s3api.Domains
	// origins may talk to buckets without CORS rules.
	origins cors.Origins
	certs   *certs.Dir
	// reserve is the free space below which writes are refused; 0 leaves it to
	// the store.
	reserve uint64
	// publicMetrics lets everybody read the metrics.
	publicMetrics bool
	window        journal.Window
	stale         staleUploads
	lifecycle     lifecycleTimes
	// logAge is how long a line of an access log waits at most.
	logAge time.Duration
	// keys are the master keys, nil if there are none; autoEncrypt uses the first
	// for what nobody says how to encrypt.
	keys        *sse.Keys
	autoEncrypt bool
}

func newSettings(c Config) (*settings, error) {
	env, err := newEnvironment(c.Environ)
	if err != nil {
		return nil, err
	}
	s := &settings{
		env:       env,
		region:    env.get(envSiteRegion, envRegionName, envRegion),
		publicURL: env.get(envServerURL),
	}
	if s.root, s.defaultRoot, err = env.rootCredential(); err != nil {
		return nil, err
	}
	if s.proxies, err = env.trustedProxies(); err != nil {
		return nil, err
	}
	if s.reserve, err = env.reserve(); err != nil {
		return nil, err
	}
	s.publicMetrics = env.publicMetrics()
	if s.window, err = env.journalWindow(); err != nil {
		return nil, err
	}
	if s.stale, err = env.staleUploads(); err != nil {
		return nil, err
	}
	if s.logAge, err = env.logAge(); err != nil {
		return nil, err
	}
	if s.keys, s.autoEncrypt, err = env.masterKeys(); err != nil {
		return nil, err
	}
	if s.lifecycle, err = env.lifecycleTimes(); err != nil {
		return nil, err
	}
	if s.domains, err = env.domains(); err != nil {
		return nil, err
	}
	if s.origins, err = env.origins(); err != nil {
		return nil, err
	}
	if s.certs, err = openCerts(c, env); err != nil {
		return nil, err
	}
	if s.folder, err = chooseFolder(c.Folders, env); err != nil {
		return nil, err
	}
	return s, nil
}
