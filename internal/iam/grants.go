package iam

import "github.com/carillon-s3/carillon/internal/policy"

// grants are what a credential may do by the policies of its user and groups.
// Nil grants nothing.
type grants struct {
	// all says that they are root's.
	all bool
	// documents are of the policies of these names.
	documents []*policy.Document
	names     []string
	// own narrows them, if it is not nil: the policy of an access key.
	own     *policy.Document
	ownText []byte
	// groups are the user's, and claims those of a web identity, for conditions.
	groups []string
	claims map[string][]string
}

func (g *grants) narrowedBy(own *policy.Document, text []byte) *grants {
	narrowed := *g
	narrowed.own, narrowed.ownText = own, text
	return &narrowed
}

// evaluate is what the policies of the identity say, those of a bucket apart. A
// denial wins.
func (g *grants) evaluate(r *policy.Request) policy.Verdict {
	if g == nil {
		return policy.Silent
	}
	verdict := policy.Silent
	if g.all {
		verdict = policy.Allowed
	}
	for _, d := range g.documents {
		switch d.Evaluate(r) {
		case policy.Denied:
			return policy.Denied
		case policy.Allowed:
			verdict = policy.Allowed
		case policy.Silent:
		}
	}
	return verdict
}

// permits reports whether the access key's own policy, if it has one, leaves a
// request to be granted.
func (g *grants) permits(r *policy.Request) bool {
	return g == nil || g.own == nil || g.own.Evaluate(r) == policy.Allowed
}
