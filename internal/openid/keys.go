package openid

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// keyFailure is the key of a context's *error, where a keySet says that keys could
// not be had: the library makes text of what it returns.
type keyFailure struct{}

// keySet is the set of an issuer's keys. They are asked for when a token names one
// that is not known, and not more often than every askEvery.
type keySet struct {
	remote *oidc.RemoteKeySet
	seldom *seldom
}

func newKeySet(next http.RoundTripper, now func() time.Time, url string) *keySet {
	s := &seldom{next: next, now: now}
	client := &http.Client{Transport: s, Timeout: askTime}
	return &keySet{oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), client), url), s}
}

// VerifySignature implements oidc.KeySet.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.remote.VerifySignature(ctx, token)
	if err == nil || k.seldom.fresh() && !errors.Is(err, context.DeadlineExceeded) {
		return payload, err // the keys are those of now, and none of them signed it
	}
	if failure, ok := ctx.Value(keyFailure{}).(*error); ok {
		*failure = err
	}
	return nil, err
}
