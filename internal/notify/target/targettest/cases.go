package targettest

import (
	"testing"
)

// Cases that need a word of a suite: variants that show them, notes, or a reason
// why there is no such case.
const (
	WrongCredentials  = "wrong credentials"
	Missing           = "missing topic, table, exchange"
	TLS               = "TLS"
	WrongCA           = "TLS of another authority"
	ClientCertificate = "TLS with a client certificate"
	NoClientCert      = "TLS without the client certificate"
	OneByte           = "body of one byte"
	OverLimit         = "body over the limit"
	NULKey            = "key with NUL"
	OrderOfKey        = "order of a key"
	Restarted         = "restarted between"
	KilledMidBatch    = "killed mid-batch"
	NoSecret          = "no secret in an error"
)

// noGoroutine, as NoSecret, is looked at in every case.
const noGoroutine = "no goroutine left"

// testCase is a case of every suite.
type testCase struct {
	name string
	// run is nil for cases that variants show, and for those that are looked at
	// in all others.
	run func(*testing.T, *session)
	// kills says that it calls kill and start once each.
	kills bool
	// bodies says that it runs with Bodies.New.
	bodies bool
}

// Cases are the names of all cases, in the order of the table: first those of
// every suite, then those of suites with Rows.
func Cases() (all, mirror []string) {
	for _, c := range allCases() {
		all = append(all, c.name)
	}
	for _, c := range mirrorCases() {
		mirror = append(mirror, c.name)
	}
	return all, mirror
}

func allCases() []testCase {
	return []testCase{
		{name: "single", run: testSingle},
		{name: "batch", run: testBatch},
		{name: "empty batch", run: testEmpty},
		{name: OneByte, run: testOneByte},
		{name: "bodies up to the limit", run: testBodies, bodies: true},
		{name: OverLimit, run: testOverLimit, bodies: true},
		{name: "odd keys", run: testOddKeys},
		{name: NULKey, run: testNUL},
		{name: "resend keeps id", run: testResend},
		{name: OrderOfKey, run: testOrder},
		{name: "many senders", run: testSenders},
		{name: "our process ends at once", run: testProcessEnds},
		{name: "down at open", run: testDownAtOpen, kills: true},
		{name: Restarted, run: testRestart, kills: true},
		{name: KilledMidBatch, run: testKilled, kills: true},
		{name: "frozen", run: testFrozen},
		{name: "frozen at open", run: testFrozenAtOpen},
		{name: "cancelled", run: testCancelled},
		{name: "check", run: testCheck, kills: true},
		{name: "close", run: testClose},
		{name: WrongCredentials},
		{name: Missing},
		{name: TLS},
		{name: WrongCA},
		{name: ClientCertificate},
		{name: NoClientCert},
		{name: noGoroutine},
		{name: NoSecret},
	}
}

// cases are those of this suite.
func (s Suite) cases() []testCase {
	all := allCases()
	if s.Rows != nil {
		all = append(all, mirrorCases()...)
	}
	var out []testCase
	for _, c := range all {
		if s.Without[c.name] == "" {
			out = append(out, c)
		}
	}
	return out
}
