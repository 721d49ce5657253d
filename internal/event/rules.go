package event

import "slices"

// Rules are a bucket's notification rules in a form made for matching: once per
// event, on the way of every request. A nil *Rules matches nothing. Rules are
// immutable and safe for concurrent use.
type Rules struct {
	// any holds every name that some rule has, so that most events are decided
	// by one test.
	any     Names
	targets []targetRules
}

// targetRules are all rules of one target: the first that matches settles it.
type targetRules struct {
	target TargetID
	any    Names
	rules  []rule
}

type rule struct {
	names  Names
	filter Filter
}

// Rules compiles the configuration. Events and filters that ParseConfig would
// refuse select nothing.
func (c *Config) Rules() *Rules {
	targets := c.Targets()
	if len(targets) == 0 {
		return nil
	}
	slices.SortFunc(targets, TargetID.Compare)
	r := &Rules{targets: make([]targetRules, len(targets))}
	index := make(map[TargetID]*targetRules, len(targets))
	for i, target := range targets {
		r.targets[i].target = target
		index[target] = &r.targets[i]
	}
	for i := range c.Queues {
		q := &c.Queues[i]
		compiled := rule{names: q.names(), filter: q.Filter()}
		of := index[q.Target]
		of.rules = append(of.rules, compiled)
		of.any |= compiled.names
		r.any |= compiled.names
	}
	return r
}

// names returns the set of a rule's events, without those of the bucket itself:
// they are accepted in a rule and never match it.
func (q *Queue) names() Names {
	var set Names
	for _, text := range q.Events {
		if names, err := ParsePattern(text); err == nil {
			set |= names
		}
	}
	return set &^ SetOf(BucketCreated, BucketRemoved)
}

// Wants reports whether any rule has the event, whatever the key. It costs
// nothing, so that reads which nobody follows are not even described.
func (r *Rules) Wants(name Name) bool { return r != nil && r.any.Has(name) }

// Match returns the targets that the event of the key goes to: each once,
// ordered by type and id.
func (r *Rules) Match(name Name, key string) []TargetID {
	if !r.Wants(name) {
		return nil
	}
	var matched []TargetID
	for i := range r.targets {
		if t := &r.targets[i]; t.matches(name, key) {
			matched = append(matched, t.target)
		}
	}
	return matched
}

func (t *targetRules) matches(name Name, key string) bool {
	if !t.any.Has(name) {
		return false
	}
	for i := range t.rules {
		if t.rules[i].names.Has(name) && t.rules[i].filter.Match(key) {
			return true
		}
	}
	return false
}
