package sts

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"time"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/openid"
	"github.com/carillon-s3/carillon/internal/policy"
)

// service is what requests are signed for.
const service = "sts"

// credentials is the element of a temporary credential.
type credentials struct {
	AccessKeyID     string    `xml:"AccessKeyId"`
	SecretAccessKey string    `xml:"SecretAccessKey"`
	SessionToken    string    `xml:"SessionToken"`
	Expiration      time.Time `xml:"Expiration"`
}

type assumedRoleUser struct {
	ARN string `xml:"Arn"`
	ID  string `xml:"AssumedRoleId"`
}

// metadata is filled in when the answer is written.
type metadata struct {
	RequestID string `xml:"RequestId"`
}

type assumeRoleAnswer struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleResponse"`
	Result  struct {
		Credentials credentials     `xml:"Credentials"`
		User        assumedRoleUser `xml:"AssumedRoleUser"`
	} `xml:"AssumeRoleResult"`
	Metadata metadata `xml:"ResponseMetadata"`
}

type webIdentityAnswer struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleWithWebIdentityResponse"`
	Result  struct {
		Credentials credentials     `xml:"Credentials"`
		Subject     string          `xml:"SubjectFromWebIdentityToken"`
		User        assumedRoleUser `xml:"AssumedRoleUser"`
		Audience    string          `xml:"Audience"`
		Provider    string          `xml:"Provider"`
	} `xml:"AssumeRoleWithWebIdentityResult"`
	Metadata metadata `xml:"ResponseMetadata"`
}

func newCredentials(s iam.Session) credentials {
	return credentials{s.AccessKey, s.SecretKey, s.Token, s.Expires.UTC()}
}

// newUser names the session as clients expect it: there are no roles here.
func newUser(s iam.Session) assumedRoleUser {
	return assumedRoleUser{ARN: "arn:aws:sts:::assumed-role/" + s.Parent + "/" + s.AccessKey, ID: s.AccessKey + ":" + s.Parent}
}

// want is what the form says of the session.
func (f *form) want() (iam.SessionRequest, error) {
	d, err := f.seconds()
	return iam.SessionRequest{Duration: d, Document: []byte(f.policy)}, err
}

// assumeRole makes a temporary credential of the user who signed the request.
func (h *Handler) assumeRole(c *call) (any, error) {
	sum := sha256.Sum256(c.body)
	verified, err := h.Verifier.Verify(c.r, iam.Options{
		Region: iam.RegionAny, Version4Only: true, Service: service, BodySHA256: hex.EncodeToString(sum[:]), IgnoreChecksums: true,
	})
	if err != nil {
		return nil, err
	}
	_ = verified.Body.Close() // only gives buffers back
	p := verified.Credential.Principal()
	if p.Anonymous() {
		return nil, errMissingToken
	}
	verdict := iam.Decide(iam.Ask{Principal: p, Action: h.actions[c.form.action].needs, Value: func(name string) []string {
		return iam.GlobalValues(c.r, p, c.source, h.Now(), name)
	}}, nil)
	if verdict == policy.Denied {
		return nil, iam.ErrAccessDenied
	}
	want, err := c.form.want()
	if err != nil {
		return nil, err
	}
	made, err := h.Identities.AssumeRole(p, want)
	if err != nil {
		return nil, err
	}
	out := &assumeRoleAnswer{}
	out.Result.Credentials, out.Result.User = newCredentials(made), newUser(made)
	return out, nil
}

// assumeWebIdentity makes a temporary credential of whom an issuer vouches for.
// The request is not signed.
func (h *Handler) assumeWebIdentity(c *call) (any, error) {
	if c.form.token == "" {
		return nil, errMissingParameter.says("The parameter WebIdentityToken is required.")
	}
	want, err := c.form.want()
	if err != nil {
		return nil, err
	}
	id, err := h.verifyWebIdentity(c)
	if err != nil {
		return nil, err
	}
	made, err := h.Identities.AssumeWebIdentity(iam.WebIdentity{Subject: id.Subject, Policies: id.Policies, Claims: id.Claims}, want)
	if err != nil {
		return nil, err
	}
	out := &webIdentityAnswer{}
	out.Result.Credentials, out.Result.User = newCredentials(made), newUser(made)
	out.Result.Subject, out.Result.Audience, out.Result.Provider = id.Subject, id.Audience, id.Issuer
	return out, nil
}

// verifyWebIdentity asks the issuers, unless too many others wait for them.
func (h *Handler) verifyWebIdentity(c *call) (openid.Identity, error) {
	select {
	case h.verifying <- struct{}{}:
	default:
		return openid.Identity{}, errBusy
	}
	defer func() { <-h.verifying }()
	id, err := h.Issuers.Verify(c.r.Context(), c.form.token)
	if errors.Is(err, openid.ErrUnreachable) {
		h.Logger.Warn("an issuer of web identities cannot be asked", "err", err)
	}
	return id, err
}
