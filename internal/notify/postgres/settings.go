package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target/sqltable"
)

// Settings are the keys of notify_postgres.
type Settings struct {
	sqltable.Settings
	ConnectionString config.Secret // it holds a password
}

// Fields declares the keys, in the order in which `mc admin config get` prints
// them.
func (s *Settings) Fields(f *config.FieldSet) {
	s.FormatField(f)
	f.Secret(&s.ConnectionString, "connection_string",
		`Postgres server connection-string e.g. "host=localhost port=5432 dbname=minio_events user=postgres password=password sslmode=disable"`,
		config.RequiredUnless("host"), config.FreeText())
	s.TableFields(f, "Postgres", "connection_string")
	s.BoundFields(f)
	s.PayloadField(f)
}

// Validate checks what one key alone cannot tell. Files that the connection
// string names are looked for when the target is opened.
func (s *Settings) Validate() error {
	_, err := s.connConfig()
	var path *fs.PathError
	if errors.As(err, &path) {
		err = nil
	}
	_, tableErr := s.ParseTable(grammar())
	return errors.Join(err, tableErr, s.CheckMirror(s.Mirrors()))
}

// connections is how many connections may be open at once.
func (s *Settings) connections() int {
	if s.MaxOpenConnections == 0 {
		return maxSenders + 1 // a check beside the Sends
	}
	return s.MaxOpenConnections
}

func (s *Settings) senders() int { return min(s.connections(), maxSenders) }

// connConfig reads the connection string. Its errors show nothing of it: it
// holds a password.
func (s *Settings) connConfig() (*pgx.ConnConfig, error) {
	text := s.ConnectionString.Reveal()
	if text == "" {
		text = s.fromDeprecated()
	}
	conf, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, connStringError(err)
	}
	// libpq says user; the guide's line has username and database, the latter
	// being known to the library.
	if user, ok := conf.RuntimeParams["username"]; ok {
		conf.User = user
		delete(conf.RuntimeParams, "username")
	}
	// Statements are sent with their parameters in one round trip, and leave
	// nothing behind that a pooler between us would lose.
	conf.DefaultQueryExecMode = pgx.QueryExecModeExec
	return conf, nil
}

// fromDeprecated makes a connection string of the old keys.
func (s *Settings) fromDeprecated() string {
	var words []string
	for _, w := range []struct{ key, value string }{
		{"host", s.Host}, {"port", s.Port}, {"user", s.Username}, {"password", s.Password.Reveal()}, {"dbname", s.Database},
	} {
		if w.value != "" {
			words = append(words, w.key+"='"+strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(w.value)+"'")
		}
	}
	return strings.Join(words, " ")
}

// connStringError says what is wrong with a connection string without the
// library's words, which repeat it.
func connStringError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("connection_string: a file that it names cannot be read: %w", path)
	}
	text := err.Error()
	text = text[strings.LastIndex(text, "`: ")+1:]
	for _, reason := range []struct{ part, say string }{
		{"invalid port", "the port is not a number from 1 to 65535"},
		{"could not match", "there are as many ports as hosts, or one"},
		{"sslmode is invalid", "sslmode is not one of disable, allow, prefer, require, verify-ca, verify-full"},
		{"TLS", "sslrootcert, sslcert or sslkey cannot be used"},
		{"connect_timeout", "connect_timeout is not a number of seconds"},
		{"target_session_attrs", "target_session_attrs has no such value"},
	} {
		if strings.Contains(text, reason.part) {
			return errors.New("connection_string: " + reason.say)
		}
	}
	return errors.New("connection_string: neither key=value pairs as libpq reads them nor a URL such as postgres://user@host/database")
}
