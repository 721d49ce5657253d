// Package policy parses and evaluates access policies: the documents that say
// who may do what to which resource ("IAM JSON policy elements reference" and
// "Policies and permissions in Amazon S3").
//
// It is pure: it knows neither users nor buckets, and reads what conditions ask
// for through Request.Value. A document is parsed once and may then be
// evaluated by many goroutines.
package policy

// Verdict is what a document says of a request.
type Verdict uint8

const (
	// Silent means that no statement applies: the request is refused unless
	// another document allows it.
	Silent Verdict = iota
	// Allowed means that a statement allows it and none denies it.
	Allowed
	// Denied means that a statement denies it, whatever others say.
	Denied
)

// Request is what a document is asked about.
type Request struct {
	// User is the name of who asks; empty for nobody in particular.
	User string
	// Action is the action's name, such as s3:GetObject.
	Action string
	// Resource is BUCKET or BUCKET/KEY; empty for the server itself.
	Resource string
	// Value returns the values of a condition key, whose name is in lower case;
	// none if the request has no such value. Nil has none of any.
	Value func(key string) []string
}

func (r *Request) values(key string) []string {
	if r.Value == nil {
		return nil
	}
	return r.Value(key)
}

// Document is a parsed policy. Its zero value is silent.
type Document struct {
	statements []statement
}

// statement is one of a document's.
type statement struct {
	deny bool
	// principals is nil in a policy of identities.
	principals *principals
	actions    patterns
	resources  patterns
	conditions []condition
}

// DenyAll is a document that denies everything to everybody.
func DenyAll() *Document {
	return &Document{statements: []statement{{deny: true, actions: patterns{not: true}, resources: patterns{not: true}}}}
}

// Evaluate returns what the document says of a request. A denial wins.
func (d *Document) Evaluate(r *Request) Verdict {
	verdict := Silent
	for i := range d.statements {
		s := &d.statements[i]
		if s.deny || verdict == Silent {
			if !s.applies(r) {
				continue
			}
			if s.deny {
				return Denied
			}
			verdict = Allowed
		}
	}
	return verdict
}

func (s *statement) applies(r *Request) bool {
	if s.principals != nil && !s.principals.match(r.User) {
		return false
	}
	if !s.actions.match(r.Action, r) || !s.resources.match(r.Resource, r) {
		return false
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(r) {
			return false
		}
	}
	return true
}

// Public reports whether a bucket's policy grants anything to everybody: a
// statement allows it to every principal, and no condition binds it to fixed
// addresses or accounts ("Blocking public access", the meaning of public).
func (d *Document) Public() bool {
	for i := range d.statements {
		s := &d.statements[i]
		if !s.deny && s.principals != nil && s.principals.everybody() && !s.bound() {
			return true
		}
	}
	return false
}

// bound reports whether a condition lets only fixed values through.
func (s *statement) bound() bool {
	for i := range s.conditions {
		c := &s.conditions[i]
		switch c.key {
		case "aws:sourceip", "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceaccount", "aws:username", "aws:userid",
			"aws:principalarn", "aws:principalaccount", "aws:principalorgid":
			if !c.op.negated && !c.optional && c.fixed() {
				return true
			}
		}
	}
	return false
}
