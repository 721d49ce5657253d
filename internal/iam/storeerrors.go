package iam

import "errors"

// Errors of a Store. They may arrive wrapped, some with
// a Detail for the client; use errors.Is. A policy that cannot be read gives a
// *policy.Error.
var (
	// ErrNoSuchUser: there is no user of that name.
	ErrNoSuchUser = errors.New("iam: no such user")
	// ErrNoSuchGroup: there is no group of that name.
	ErrNoSuchGroup = errors.New("iam: no such group")
	// ErrNoSuchPolicy: there is no policy of that name.
	ErrNoSuchPolicy = errors.New("iam: no such policy")
	// ErrNoSuchAccessKey: there is no access key of that name.
	ErrNoSuchAccessKey = errors.New("iam: no such access key")
	// ErrGroupNotEmpty: a group with members is not removed.
	ErrGroupNotEmpty = errors.New("iam: the group has members")
	// ErrPolicyInUse: a policy that is attached is not removed.
	ErrPolicyInUse = errors.New("iam: the policy is attached")
	// ErrNoChange: what is to be attached is, or what is to be detached is not.
	ErrNoChange = errors.New("iam: the policies are attached as they are to be")
	// ErrInvalidSecretKey: a secret key is too short or too long.
	ErrInvalidSecretKey = errors.New("iam: a secret key that is too short or too long")
	// ErrInvalidName: a name is too short or too long, or has characters that none may have.
	ErrInvalidName = errors.New("iam: invalid name")
	// ErrInvalidArgument: a request that makes no sense.
	ErrInvalidArgument = errors.New("iam: invalid argument")
	// ErrTaken: the name is root's, or that of a user or access key.
	ErrTaken = errors.New("iam: the access key is taken")
	// ErrSessionTooLarge: a session's policy or claims are longer than its token may be.
	ErrSessionTooLarge = errors.New("iam: session policy or claims too large")
	// ErrSealed: secrets can be neither read nor stored.
	ErrSealed = errors.New("iam: secrets can be neither opened nor sealed")
	// ErrNoSpace: free space is below the reserve.
	ErrNoSpace = errors.New("iam: free space below the reserve")
	// ErrUnavailable: the store cannot take the change now, or it is unknown
	// whether it has.
	ErrUnavailable = errors.New("iam: store unavailable")
)
