package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
)

// Quotas is what `mc quota` asks of the object layer; *object.Service is one.
type Quotas interface {
	// Quota returns a bucket's bound in bytes; 0 is none.
	Quota(ctx context.Context, bucket string) (int64, error)
	// SetQuota bounds a bucket; 0 removes the bound.
	SetQuota(ctx context.Context, bucket string, bytes int64) error
}

// quotaHard is the one type of quota there is: what is beyond it is refused.
const quotaHard = "hard"

// bucketQuota is the JSON of a quota; Quota is an older name of Size.
type bucketQuota struct {
	Quota    uint64 `json:"quota"`
	Size     uint64 `json:"size"`
	Rate     uint64 `json:"rate"`
	Requests uint64 `json:"requests"`
	Type     string `json:"quotatype,omitempty"`
}

func quotaRoutes() map[string]route {
	return map[string]route{
		"GET get-bucket-quota": {query: []string{"bucket"}, serve: (*Handler).getQuota, action: iam.AdminGetBucketQuota},
		"PUT set-bucket-quota": {query: []string{"bucket"}, serve: (*Handler).setQuota, action: iam.AdminSetBucketQuota},
	}
}

func (h *Handler) getQuota(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	bytes, err := h.Quotas.Quota(c.r.Context(), c.query.Get("bucket"))
	if err != nil {
		return quotaError(err)
	}
	out := bucketQuota{Quota: uint64(bytes), Size: uint64(bytes)} //nolint:gosec // not below 0
	if bytes > 0 {
		out.Type = quotaHard
	}
	return c.plain(out)
}

func (h *Handler) setQuota(c *call) error {
	text, err := c.readPlain()
	if err != nil {
		return err
	}
	var in bucketQuota
	if err := decodeJSON(text, &in); err != nil {
		return err
	}
	size := in.Size
	if size == 0 {
		size = in.Quota
	}
	switch {
	case in.Type != "" && in.Type != quotaHard:
		return errInvalidQuery.with("The type of a quota is \"hard\"; there is no other.")
	case in.Rate != 0 || in.Requests != 0:
		return errInvalidQuery.with("A quota of rate or requests is not implemented.")
	case size > maxQuotaBytes:
		return errInvalidQuery.with("The quota is larger than any store.")
	}
	if err := h.Quotas.SetQuota(c.r.Context(), c.query.Get("bucket"), int64(size)); err != nil { //nolint:gosec // bounded above
		return quotaError(err)
	}
	answerEmpty(c.w, http.StatusOK)
	return nil
}

// maxQuotaBytes is 1 EiB, so that sums of a quota and an object never overflow.
const maxQuotaBytes = 1 << 60

func quotaError(err error) error {
	switch {
	case errors.Is(err, object.ErrNoSuchBucket):
		return errNoSuchBucket.with("The specified bucket does not exist")
	case errors.Is(err, object.ErrNoSpace):
		return errStorageFull
	case errors.Is(err, object.ErrUnavailable), errors.Is(err, object.ErrContended):
		return errUnavailable
	}
	return err
}
