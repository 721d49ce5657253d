// Package lifecycle carries out the lifecycle configurations of buckets: Rules
// says what a configuration does to a version, which is pure, and a Scanner walks
// the buckets that have one and expires what is due, by way of the object layer.
//
// What the scanner sees in a listing is only a guess. Expire decides again, by the
// rules and the version as they are in the commit that removes it: a rule that was
// removed, a tag that was set or a version that came between spares the object,
// and whatever protects it from a client's delete protects it here too.
package lifecycle
