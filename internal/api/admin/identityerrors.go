package admin

import (
	"errors"
	"net/http"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/policy"
)

// The errors of calls about users, groups, policies and access keys.
var (
	errNoSuchUser       = &code{"XMinioAdminNoSuchUser", http.StatusNotFound, "The specified user does not exist."}
	errNoSuchGroup      = &code{"XMinioAdminNoSuchGroup", http.StatusNotFound, "The specified group does not exist."}
	errGroupNotEmpty    = &code{"XMinioAdminGroupNotEmpty", http.StatusBadRequest, "The specified group is not empty - cannot remove it."}
	errNoSuchPolicy     = &code{"XMinioAdminNoSuchPolicy", http.StatusNotFound, "The canned policy does not exist."}
	errPolicyInUse      = &code{"XMinioIAMPolicyInUse", http.StatusBadRequest, "The policy cannot be removed, as it is in use."}
	errPolicyNoChange   = &code{"XMinioAdminPolicyChangeAlreadyApplied", http.StatusBadRequest, "The specified policy change is already in effect."}
	errMalformedPolicy  = &code{"XMinioMalformedIAMPolicy", http.StatusBadRequest, "The policy is malformed."}
	errNoSuchAccessKey  = &code{"XMinioInvalidIAMCredentials", http.StatusNotFound, "The specified access key does not exist."}
	errAccessKeyTaken   = &code{"XMinioInvalidIAMCredentials", http.StatusBadRequest, "The access key is root's, or that of another user or access key."}
	errInvalidAccessKey = &code{"XMinioAdminInvalidAccessKey", http.StatusBadRequest, "The name or access key is not valid."}
	errInvalidSecretKey = &code{"XMinioAdminInvalidSecretKey", http.StatusBadRequest, "The secret key must have 8 to 40 characters."}
	errSealed           = &code{"XMinioIAMActionNotAllowed", http.StatusForbidden, "Secrets cannot be stored: the server was started with another root password and without its key file."}
)

// identityError maps an error of the store of identities.
func identityError(err error) error {
	for _, m := range []struct {
		err  error
		code *code
	}{
		{iam.ErrNoSuchUser, errNoSuchUser},
		{iam.ErrNoSuchGroup, errNoSuchGroup},
		{iam.ErrGroupNotEmpty, errGroupNotEmpty},
		{iam.ErrNoSuchPolicy, errNoSuchPolicy},
		{iam.ErrPolicyInUse, errPolicyInUse},
		{iam.ErrNoChange, errPolicyNoChange},
		{iam.ErrNoSuchAccessKey, errNoSuchAccessKey},
		{iam.ErrTaken, errAccessKeyTaken},
		{iam.ErrAccessDenied, errAccessDenied},
		{iam.ErrInvalidName, errInvalidAccessKey},
		{iam.ErrInvalidSecretKey, errInvalidSecretKey},
		{iam.ErrInvalidArgument, errInvalidQuery},
		{iam.ErrSealed, errSealed},
		{iam.ErrNoSpace, errStorageFull},
		{iam.ErrUnavailable, errUnavailable},
	} {
		if errors.Is(err, m.err) {
			if d := (*iam.Detail)(nil); errors.As(err, &d) {
				return m.code.with(d.Message)
			}
			return m.code
		}
	}
	if refused := (*policy.Error)(nil); errors.As(err, &refused) {
		return errMalformedPolicy.with(refused.Message)
	}
	return err
}
