package s3api

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
)

// Headers of object lock, of uploads and of what GET and HEAD answer.
const (
	headerLockMode  = "X-Amz-Object-Lock-Mode"
	headerLockUntil = "X-Amz-Object-Lock-Retain-Until-Date"
	headerLegalHold = "X-Amz-Object-Lock-Legal-Hold"
	// headerBypassGovernance asks to shorten a governance retention, or to remove
	// a version under one.
	headerBypassGovernance = "X-Amz-Bypass-Governance-Retention"
)

// parseLockTime reads when a retention ends: ISO 8601 with a zone.
func parseLockTime(text string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, text) // also with fractions
	return t, err == nil
}

// givenLock is the lock that a request gives a version: that of its document,
// which was read before, or of its headers ("PutObject").
func (r *request) givenLock() (object.Lock, error) {
	mode, until, hold := r.head(headerLockMode), r.head(headerLockUntil), r.head(headerLegalHold)
	lock := r.lock
	if lock != (object.Lock{}) || mode == "" && until == "" && hold == "" {
		return lock, nil
	}
	var ok bool
	if (mode == "") != (until == "") {
		return lock, errInvalidArgument.says("x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied")
	}
	if mode != "" {
		if lock.Retention.Mode, ok = object.ParseLockMode(mode); !ok {
			return lock, errInvalidArgument.says("Unknown wormMode directive.")
		}
		if lock.Retention.Until, ok = parseLockTime(until); !ok {
			return lock, errInvalidArgument.says("The retain until date must be provided in ISO 8601 format")
		}
	}
	if hold != "" {
		if lock.LegalHold, ok = object.ParseLegalHold(hold); !ok {
			return lock, errInvalidArgument.says("Legal Hold must be either of 'ON' or 'OFF'")
		}
	}
	return lock, nil
}

// newLock is the lock of an object that a request makes. To give it one takes
// rights of its own ("PutObject", permissions).
func (h *Handler) newLock(r *request) (object.Lock, error) {
	lock, err := r.givenLock()
	if err != nil {
		return lock, err
	}
	if lock.Retention.Mode != 0 {
		if err := h.authorize(r, iam.ActionPutObjectRetention, r.bucket, r.key); err != nil {
			return lock, err
		}
	}
	if lock.LegalHold != 0 {
		if err := h.authorize(r, iam.ActionPutObjectLegalHold, r.bucket, r.key); err != nil {
			return lock, err
		}
	}
	return lock, nil
}

// lockOfBody is newLock where the request has the object's bytes. S3 wants bytes
// that are locked to be guarded by Content-MD5 or another checksum: damaged ones
// could not be removed. Here a signature that covers them will do as well.
func (h *Handler) lockOfBody(r *request) (object.Lock, error) {
	lock, err := h.newLock(r)
	if err != nil || lock == (object.Lock{}) || r.head("Content-Md5") != "" || r.body.ChecksumAlgorithm() != 0 || r.body.Signed() {
		return lock, err
	}
	return lock, errInvalidRequest.says("Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters")
}

// tellLock tells the lock of a version, as far as the caller may read it.
func (h *Handler) tellLock(w *response, r *request, info object.Info) {
	if keep := info.Lock.Retention; keep.Mode != 0 && h.authorize(r, iam.ActionGetObjectRetention, r.bucket, r.key) == nil {
		w.set(headerLockMode, keep.Mode.String())
		w.set(headerLockUntil, keep.UntilText())
	}
	if hold := info.Lock.LegalHold; hold != 0 && h.authorize(r, iam.ActionGetObjectLegalHold, r.bucket, r.key) == nil {
		w.set(headerLegalHold, hold.String())
	}
}

// bypasses reports whether a request may bypass the governance retention of a key
// and says so. The header alone, which some clients always send, is no offence.
func (h *Handler) bypasses(r *request, key string) (bool, error) {
	if !strings.EqualFold(r.head(headerBypassGovernance), "true") {
		return false, nil
	}
	err := h.authorize(r, iam.ActionBypassGovernanceRetention, r.bucket, key)
	if errors.Is(err, iam.ErrAccessDenied) {
		return false, nil
	}
	return err == nil, err
}

// lockValues are the values of the condition key s3:object-lock-name: of the lock
// that the request would give a version. Days that remain are rounded up.
func (h *Handler) lockValues(r *request, name string) []string {
	lock, err := r.givenLock()
	if err != nil { // which the handler refuses
		return nil
	}
	switch {
	case name == "legal-hold" && lock.LegalHold != 0:
		return []string{lock.LegalHold.String()}
	case lock.Retention.Mode == 0:
		return nil
	case name == "mode":
		return []string{lock.Retention.Mode.String()}
	case name == "retain-until-date":
		return []string{lock.Retention.UntilText()}
	case name == "remaining-retention-days":
		days := math.Ceil(lock.Retention.Until.Sub(h.Now()).Hours() / 24)
		return []string{strconv.FormatFloat(days, 'f', 0, 64)}
	}
	return nil
}
