package server

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	s3api "github.com/carillon-s3/carillon/internal/api/s3"
	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/cors"
	"github.com/carillon-s3/carillon/internal/iam"
)

// Names of variables, each read under CARILLON_ and MINIO_. Those of targets
// are declared by their kinds.
const (
	envConfigFile   = "CONFIG_ENV_FILE"
	envRootUser     = "ROOT_USER"
	envRootPassword = "ROOT_PASSWORD"
	envAccessKey    = "ACCESS_KEY" // old name of ROOT_USER
	envSecretKey    = "SECRET_KEY" // old name of ROOT_PASSWORD
	envVolumes      = "VOLUMES"
	envSiteRegion   = "SITE_REGION"
	envRegionName   = "REGION_NAME"
	envRegion       = "REGION"
	envServerURL    = "SERVER_URL"
	envProxies      = "TRUSTED_PROXIES"
	envReserve      = "RESERVE_BYTES"
	envMetricsAuth  = "PROMETHEUS_AUTH_TYPE"
	envJournalAge   = "JOURNAL_AGE"
	envJournalBytes = "JOURNAL_BYTES"
	// Of the sub-system api in MinIO.
	envStaleExpiry  = "API_STALE_UPLOADS_EXPIRY"
	envStaleEvery   = "API_STALE_UPLOADS_CLEANUP_INTERVAL"
	envAllowOrigin  = "API_CORS_ALLOW_ORIGIN"
	envLogInterval  = "ACCESS_LOG_INTERVAL"
	envILMDay       = "ILM_DAY"
	envILMInterval  = "ILM_INTERVAL"
	envDomain       = "DOMAIN"
	envCertsDir     = "CERTS_DIR"
	envCertPassword = "CERT_PASSWD"
	fileSuffix      = "_FILE"
)

// knownEnv are the variables that are read, or knowingly ignored, outside the
// declared settings.
func knownEnv() []string {
	return []string{
		envConfigFile, envRootUser, envRootPassword, envAccessKey, envSecretKey,
		envRootUser + fileSuffix, envRootPassword + fileSuffix, envAccessKey + fileSuffix, envSecretKey + fileSuffix,
		envVolumes, envSiteRegion, envRegionName, envRegion, envServerURL, envProxies, envReserve, envMetricsAuth,
		envJournalAge, envJournalBytes, envStaleExpiry, envStaleEvery, envAllowOrigin, envLogInterval, envILMDay, envILMInterval, "SHUTDOWN_TIMEOUT",
		// Of the console, which is not there yet, and of the start scripts of
		// packages.
		"BROWSER_REDIRECT_URL", "BROWSER", "OPTS", "ADDRESS", "CONSOLE_ADDRESS", "UPDATE",
		envMasterKeys, envMasterKeys + fileSuffix, envAutoEncrypt,
		envDomain, envCertsDir, envCertPassword, envCertPassword + fileSuffix,
		// Of the tests and tools that stand beside the server.
		"CACHE", "MC",
	}
}

const (
	// defaultSecret is both halves of the credential of a server that was not
	// given one, as the guide's users know it.
	defaultSecret = "minioadmin"
	// minUserBytes and minPasswordBytes are the shortest that `mc` takes.
	minUserBytes     = 3
	minPasswordBytes = 8
	// maxEnvFileBytes bounds a file of settings or a secret.
	maxEnvFileBytes = 1 << 20
	// secretsDir is where container platforms mount secrets; relative names of
	// secret files are looked up there too.
	secretsDir = "/run/secrets"
)

// environment is what the server is told by the process's variables and by the
// file that CONFIG_ENV_FILE names, whose lines replace them.
type environment struct {
	config.Env
	warnings []string
}

func newEnvironment(environ []string) (*environment, error) {
	e := &environment{Env: config.ParseEnv(environ)}
	name, variable, ok := e.Lookup(envConfigFile)
	if !ok {
		return e, nil
	}
	text, err := readSmall(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUsage, variable, err)
	}
	file, err := config.ParseEnvFile(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %s: %w", ErrUsage, variable, name, err)
	}
	for name, value := range file {
		e.Env[name] = value
	}
	return e, nil
}

// get returns a variable's value, empty if it is not set.
func (e *environment) get(names ...string) string {
	for _, name := range names {
		if value, _, ok := e.Lookup(name); ok {
			return value
		}
	}
	return ""
}

// secret returns the value of a variable, or the content of the file that
// NAME_FILE names.
func (e *environment) secret(name string) (string, error) {
	if value, _, ok := e.Lookup(name); ok {
		return value, nil
	}
	file, variable, ok := e.Lookup(name + fileSuffix)
	if !ok {
		return "", nil
	}
	text, err := readSmall(file)
	if errors.Is(err, os.ErrNotExist) && !filepath.IsAbs(file) {
		text, err = readSmall(filepath.Join(secretsDir, file))
	}
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrUsage, variable, err)
	}
	return strings.TrimSpace(text), nil
}

// secretOr reads a secret under its name or, with a warning, its old one.
func (e *environment) secretOr(name, old string) (string, error) {
	value, err := e.secret(name)
	if value != "" || err != nil {
		return value, err
	}
	if value, err = e.secret(old); value != "" {
		e.warnings = append(e.warnings, "MINIO_"+old+" is an old name: set CARILLON_"+name+" or MINIO_"+name+" instead")
	}
	return value, err
}

func readSmall(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if info.Size() > maxEnvFileBytes {
		return "", fmt.Errorf("%s is larger than %d bytes", name, maxEnvFileBytes)
	}
	data, err := os.ReadFile(name)
	return string(data), err
}

// rootCredential is the root user and password; isDefault says that none were
// given.
func (e *environment) rootCredential() (root iam.Credential, isDefault bool, err error) {
	user, err := e.secretOr(envRootUser, envAccessKey)
	if err != nil {
		return root, false, err
	}
	password, err := e.secretOr(envRootPassword, envSecretKey)
	if err != nil {
		return root, false, err
	}
	switch {
	case user == "" && password == "":
		user, password = defaultSecret, defaultSecret
	case user == "":
		return root, false, fmt.Errorf("%w: %s is set and %s is not", ErrUsage, envRootPassword, envRootUser)
	case password == "":
		return root, false, fmt.Errorf("%w: %s is set and %s is not", ErrUsage, envRootUser, envRootPassword)
	case len(user) < minUserBytes:
		return root, false, fmt.Errorf("%w: %s needs at least %d characters", ErrUsage, envRootUser, minUserBytes)
	case len(password) < minPasswordBytes:
		return root, false, fmt.Errorf("%w: %s needs at least %d characters", ErrUsage, envRootPassword, minPasswordBytes)
	}
	isDefault = user == defaultSecret && password == defaultSecret
	return iam.Credential{AccessKey: user, SecretKey: password, Owner: true}, isDefault, nil
}

// reserve is the free space, in bytes, below which writes are refused; 0 if none
// was given.
func (e *environment) reserve() (uint64, error) {
	text, variable, ok := e.Lookup(envReserve)
	if !ok {
		return 0, nil
	}
	n, err := config.ParseSize(text)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%w: %s: %q is not a size above 0 such as 10GiB", ErrUsage, variable, text)
	}
	return n, nil
}

// publicMetrics says whether everybody may read the metrics. A word that is not
// known leaves them guarded.
func (e *environment) publicMetrics() bool {
	value, variable, _ := e.Lookup(envMetricsAuth)
	switch strings.ToLower(value) {
	case "public":
		return true
	case "", "jwt":
	default:
		e.warnings = append(e.warnings, variable+" is neither \"jwt\" nor \"public\": metrics need a token")
	}
	return false
}

// domains reads the domains below which hosts name buckets. The host of the
// server's own URL names the server.
func (e *environment) domains() (*s3api.Domains, error) {
	list, variable, _ := e.Lookup(envDomain)
	var own []string
	if u, err := url.Parse(e.get(envServerURL)); err == nil && u.Hostname() != "" {
		own = append(own, u.Hostname())
	}
	domains, err := s3api.NewDomains(list, own...)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUsage, variable, err)
	}
	return domains, nil
}

// origins are those whose programs may talk to buckets without CORS rules: all,
// unless some are named.
func (e *environment) origins() (cors.Origins, error) {
	list, variable, _ := e.Lookup(envAllowOrigin)
	origins, err := cors.ParseOrigins(list)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUsage, variable, err)
	}
	if len(origins) == 0 {
		return cors.Origins{cors.AnyOrigin}, nil
	}
	return origins, nil
}

// trustedProxies reads a comma-separated list of addresses and networks.
func (e *environment) trustedProxies() ([]netip.Prefix, error) {
	list, variable, _ := e.Lookup(envProxies)
	var out []netip.Prefix
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(item)
		if addr, addrErr := netip.ParseAddr(item); addrErr == nil {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %q is neither an address nor a network", ErrUsage, variable, item)
		}
		out = append(out, prefix)
	}
	return out, nil
}
