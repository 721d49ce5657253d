package postgres

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/carillon-s3/carillon/internal/kv"
)

// TestAnswer says of every way in which a transaction can end whether something
// has happened.
func TestAnswer(t *testing.T) {
	t.Parallel()
	bound, done := &pgproto3.BindComplete{}, &pgproto3.CommandComplete{}
	ready := &pgproto3.ReadyForQuery{TxStatus: 'I'}
	fails := func(severity, code string) *pgproto3.ErrorResponse {
		return &pgproto3.ErrorResponse{Severity: "localized", SeverityUnlocalized: severity, Code: code, Message: "m"}
	}
	notice := func(severity string) *pgproto3.NoticeResponse {
		return (*pgproto3.NoticeResponse)(fails(severity, "01000"))
	}
	head := &pgproto3.DataRow{Values: [][]byte{{0, 0, 0, 7}, int8Bytes(5), int8Bytes(99)}}
	type messages []pgproto3.BackendMessage
	for name, c := range map[string]struct {
		said messages
		want error
	}{
		"committed":                      {messages{bound, bound, done, head, done, ready}, nil},
		"a notice":                       {messages{bound, bound, done, head, done, notice("NOTICE"), ready}, nil},
		"a warning of a statement":       {messages{bound, bound, done, head, notice("WARNING"), done, ready}, nil},
		"a warning of the commit":        {messages{bound, bound, done, head, done, notice("WARNING"), ready}, errLost},
		"an error of the commit":         {messages{bound, bound, done, head, done, fails("ERROR", "40001"), ready}, errRepeat},
		"the end of the session":         {messages{bound, bound, done, head, done, fails("FATAL", "57P01")}, errLost},
		"a crash of the server":          {messages{bound, bound, fails("PANIC", "XX000")}, errLost},
		"fewer answers than statements":  {messages{bound, bound, done, ready}, errLost},
		"a transaction that goes on":     {messages{bound, bound, done, head, done, &pgproto3.ReadyForQuery{TxStatus: 'T'}}, errLost},
		"another protocol":               {messages{bound, &pgproto3.CopyInResponse{}}, errLost},
		"a malformed counter":            {messages{bound, bound, done, &pgproto3.DataRow{Values: [][]byte{{1}}}}, errLost},
		"a replaced connection":          {messages{bound, bound, fails("ERROR", codeDivisionByZero), ready}, errUnsent},
		"a server that became a standby": {messages{bound, bound, fails("ERROR", codeReadOnly), ready}, errUnsent},
		"a failed guard":                 {messages{bound, bound, done, fails("ERROR", codeDivisionByZero), ready}, errRefused},
		"a key that is there":            {messages{bound, bound, done, fails("ERROR", codeUniqueViolation), ready}, errRefused},
		"a deadlock":                     {messages{bound, bound, done, fails("ERROR", codeDeadlockDetected), ready}, errRepeat},
		"a full disk":                    {messages{bound, bound, done, fails("ERROR", codeDiskFull), ready}, kv.ErrNoSpace},
		"a cancelled statement":          {messages{bound, bound, done, fails("ERROR", "57014"), ready}, kv.ErrUnavailable},
	} {
		a := answer{calls: []call{{statement: stmtFence}, {statement: stmtCount}}, heads: map[kv.LogID]kv.Head{}}
		err := error(nil)
		for _, m := range c.said {
			if err = a.take(m); err != nil {
				err = errors.Join(errLost, err) // as run has it
				break
			}
		}
		if err == nil {
			if !a.complete {
				t.Errorf("%s: not complete", name)
			}
			err = a.err()
		}
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v; want %v", name, err, c.want)
		}
		if want := (kv.Head{Log: 7, Sequence: 5, Stamp: 99}); c.want == nil && a.heads[7] != want {
			t.Errorf("%s: head %+v", name, a.heads[7])
		}
	}
}
