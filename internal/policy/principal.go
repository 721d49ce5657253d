package policy

import (
	"encoding/json"
	"slices"
	"strings"
)

// principals are who a statement of a bucket's policy is about.
type principals struct {
	// users are names, or * for everybody.
	users []string
	not   bool
}

func (p *principals) match(user string) bool {
	named := slices.ContainsFunc(p.users, func(u string) bool { return u == "*" || user != "" && u == user })
	return named != p.not
}

func (p *principals) everybody() bool {
	return p.not || slices.Contains(p.users, "*")
}

// parsePrincipals reads "*", or {"AWS": ...} with one or several of *, a name,
// and arn:aws:iam::ACCOUNT:user/NAME. Principals of other sorts (services,
// federations, canonical users) do not exist here: they are kept and fit nobody.
func parsePrincipals(raw json.RawMessage, not bool) (*principals, error) {
	p := &principals{not: not}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if text != "*" {
			return nil, malformed("Invalid principal in policy")
		}
		p.users = []string{"*"}
		return p, nil
	}
	var sorts map[string]words
	if err := json.Unmarshal(raw, &sorts); err != nil || len(sorts) == 0 {
		return nil, malformed("Invalid principal in policy")
	}
	for sort, names := range sorts {
		switch sort {
		case "AWS":
		case "CanonicalUser", "Federated", "Service":
			continue
		default:
			return nil, malformed("Invalid principal in policy")
		}
		for _, name := range names {
			if name == "" || name != "*" && strings.Contains(name, "*") && !strings.HasPrefix(name, "arn:") {
				return nil, malformed("Invalid principal in policy")
			}
			p.users = append(p.users, userOf(name))
		}
	}
	return p, nil
}

// userOf takes the name out of an ARN; a root ARN is its account, which no
// user's name is.
func userOf(name string) string {
	if rest, ok := strings.CutPrefix(name, "arn:aws:iam::"); ok {
		if _, user, ok := strings.Cut(rest, ":user/"); ok {
			return user[strings.LastIndexByte(user, '/')+1:]
		}
	}
	return name
}
