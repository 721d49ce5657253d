package admin

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/policy"
)

// prefix is where the one version of the API that we speak lies.
const prefix = "/minio/admin/v3/"

// route is one admin call.
type route struct {
	// query holds the parameters without which it is another, unknown call.
	query []string
	serve func(h *Handler, c *call) error
	// action is what the caller's policies must allow. Where it depends on the
	// request, actionOf says it; action is then one of the possible.
	action   iam.Action
	actionOf func(q url.Values) iam.Action
	// own lets a caller without the action through, unless it is denied: serve
	// then does no more than with what is the caller's own. A temporary credential
	// only looks at it: what it made or changed would outlast it.
	own bool
}

// routes is the table of what is implemented, by method and path.
func routes() map[string]route {
	all := map[string]route{
		"GET info":                       {serve: (*Handler).info, action: iam.AdminServerInfo},
		"GET storageinfo":                {serve: (*Handler).storageInfo, action: iam.AdminStorageInfo},
		"GET datausageinfo":              {serve: (*Handler).dataUsage, action: iam.AdminDataUsageInfo},
		"POST service":                   {query: []string{"action"}, serve: (*Handler).service, action: iam.AdminServiceRestart, actionOf: serviceAction},
		"GET help-config-kv":             {query: []string{"subSys", "key"}, serve: (*Handler).helpConfig, action: iam.AdminConfigUpdate},
		"GET get-config-kv":              {query: []string{"key"}, serve: (*Handler).getConfig, action: iam.AdminConfigUpdate},
		"PUT set-config-kv":              {serve: (*Handler).setConfig, action: iam.AdminConfigUpdate},
		"DELETE del-config-kv":           {serve: (*Handler).resetConfig, action: iam.AdminConfigUpdate},
		"GET config":                     {serve: (*Handler).exportConfig, action: iam.AdminConfigUpdate},
		"PUT config":                     {serve: (*Handler).importConfig, action: iam.AdminConfigUpdate},
		"GET list-config-history-kv":     {query: []string{"count"}, serve: (*Handler).listHistory, action: iam.AdminConfigUpdate},
		"DELETE clear-config-history-kv": {query: []string{"restoreId"}, serve: (*Handler).clearHistory, action: iam.AdminConfigUpdate},
		"PUT restore-config-history-kv":  {query: []string{"restoreId"}, serve: (*Handler).restoreHistory, action: iam.AdminConfigUpdate},
	}
	for _, more := range []map[string]route{userRoutes(), groupRoutes(), policyRoutes(), accessKeyRoutes(), quotaRoutes(), accountRoutes()} {
		maps.Copy(all, more)
	}
	return all
}

func serviceAction(q url.Values) iam.Action {
	if q.Get("action") == "stop" {
		return iam.AdminServiceStop
	}
	return iam.AdminServiceRestart
}

// notImplemented are the first words of the paths of calls that the client
// makes and we do not answer yet. The client does not repeat a 501.
var notImplemented = []string{
	"background-heal", "bandwidth",
	"cancel-job", "describe-job", "export-bucket-metadata",
	"heal", "healthinfo", "idp", "idp-config", "import-bucket-metadata",
	"inspect-data", "kms",
	"list-jobs", "list-remote-targets",
	"log", "metrics", "pools", "profile", "profiling", "rebalance",
	"remove-remote-target", "replication",
	"set-policy", "set-remote-target", "site-replication",
	"speedtest", "start-job", "status-job", "tier", "tier-stats", "top", "trace",
	"update",
}

// call is one authenticated request.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	query url.Values
	// principal is whose call it is; secret seals its bodies.
	principal iam.Principal
	secret    string
	// all says that the caller has the route's action; without it is only about
	// what is the caller's own.
	all  bool
	body *iam.Body
}

func (h *Handler) serveAdmin(w http.ResponseWriter, r *http.Request) {
	h.serveRoutes(w, r, prefix, h.routes, errVersion)
}

// serveRoutes serves the calls of a table below a prefix; unknown says that
// there is no such call.
func (h *Handler) serveRoutes(w http.ResponseWriter, r *http.Request, below string, table map[string]route, unknown *code) {
	if err := h.handle(w, r, below, table, unknown); err != nil {
		h.writeError(w, r, err)
	}
}

func (h *Handler) handle(w http.ResponseWriter, r *http.Request, below string, table map[string]route, unknown *code) error {
	rt, query, err := match(r, below, table, unknown)
	if err != nil {
		return err
	}
	verified, err := h.Verifier.Verify(r, iam.Options{Region: iam.RegionAny, Version4Only: true})
	if err != nil {
		return authError(err)
	}
	defer func() { _ = verified.Body.Close() }() // only gives buffers back
	c := &call{
		w: w, r: r, query: query, body: verified.Body,
		principal: verified.Credential.Principal(), secret: verified.Credential.SecretKey,
	}
	switch action := rt.actionOn(query); h.decide(c, action) {
	case policy.Allowed:
		c.all = true
	case policy.Silent:
		if !rt.own || c.principal.Anonymous() || c.principal.Temporary && r.Method != http.MethodGet {
			return errAccessDenied
		}
	case policy.Denied:
		return errAccessDenied
	}
	return rt.serve(h, c)
}

// actionOn is the action that a request needs.
func (rt *route) actionOn(q url.Values) iam.Action {
	if rt.actionOf != nil {
		return rt.actionOf(q)
	}
	return rt.action
}

// decide asks the caller's policies.
func (h *Handler) decide(c *call, action iam.Action) policy.Verdict {
	sourceIP := iam.SourceIP(c.r, h.TrustedProxies)
	return iam.Decide(iam.Ask{Principal: c.principal, Action: action, Value: func(name string) []string {
		return iam.GlobalValues(c.r, c.principal, sourceIP, h.Now(), name)
	}}, nil)
}

// match finds the route.
func match(r *http.Request, below string, table map[string]route, unknown *code) (route, url.Values, error) {
	path, ok := strings.CutPrefix(r.URL.Path, below)
	if !ok {
		return route{}, nil, unknown
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return route{}, nil, errInvalidQuery
	}
	if rt, ok := table[r.Method+" "+path]; ok {
		for _, name := range rt.query {
			if !query.Has(name) {
				return route{}, nil, unknown
			}
		}
		return rt, query, nil
	}
	first, _, _ := strings.Cut(path, "/")
	if below == prefix && slices.Contains(notImplemented, first) {
		return route{}, nil, errNotImplemented
	}
	return route{}, nil, unknown
}

const (
	// maxTextBytes bounds a text of settings; it is the client's bound.
	maxTextBytes = 256 << 10
	// maxSealedBytes is the envelope of such a text, and some bytes to spare.
	maxSealedBytes = maxTextBytes + 128 + maxTextBytes/packetBytes*tagBytes
)

// drain reads the rest of a body that should be empty, so that it is verified.
func (c *call) drain() error {
	n, err := io.Copy(io.Discard, io.LimitReader(c.body, 1))
	if err != nil {
		return bodyError(err)
	}
	if n > 0 {
		return errInvalidQuery.with("The request has a body that is not expected.")
	}
	return nil
}

// openBody reads the text that the client sealed.
func (h *Handler) openBody(c *call) (string, error) {
	size := c.body.Size()
	if size < 0 || size > maxSealedBytes {
		return "", errTooLarge
	}
	sealed, err := io.ReadAll(io.LimitReader(c.body, maxSealedBytes+1))
	if err != nil {
		return "", bodyError(err)
	}
	text, err := h.envelopes.open(c.r.Context(), c.secret, sealed)
	if errors.Is(err, errEnvelope) {
		return "", errBadConfig.with(err.Error())
	}
	if err == nil && len(text) > maxTextBytes {
		return "", errTooLarge
	}
	return string(text), err
}

// bodyError maps an error of reading a body: what iam found, or a connection
// that broke.
func bodyError(err error) error {
	if mapped := authError(err); !errors.Is(mapped, errAuthorization) {
		return mapped
	}
	return errIncomplete
}

// sealed answers 200 with a text in an envelope.
func (h *Handler) sealed(c *call, text []byte) error {
	body, err := h.envelopes.seal(c.r.Context(), c.secret, text)
	if err != nil {
		return err
	}
	answer(c.w, http.StatusOK, body)
	return nil
}

// plain answers 200 with JSON.
func (c *call) plain(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	answer(c.w, http.StatusOK, body)
	return nil
}
