package sqltable

import (
	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// Formats of a table.
const (
	formatNamespace = "namespace"
	formatAccess    = "access"
)

// Settings are the keys that databases share. A kind embeds them and has its own
// for the connection string.
type Settings struct {
	config.Queue
	target.Form
	Format, Table      string
	MaxOpenConnections int

	// These are read while there is no connection string, which replaced them.
	Host, Port, Username, Database string
	Password                       config.Secret
}

// Mirrors reports whether the table mirrors a bucket.
func (s *Settings) Mirrors() bool { return s.Format == formatNamespace }

// FormatField declares format, which is printed before the connection string.
func (s *Settings) FormatField(f *config.FieldSet) {
	f.String(&s.Format, "format", "(namespace*|access)",
		"'namespace' reflects current bucket/object list and 'access' reflects a journal of object operations, defaults to 'namespace'",
		config.Required(), config.OneOf(formatNamespace, formatAccess), config.Default(formatNamespace))
}

// TableFields declares the keys that are printed behind the connection string:
// the table's, and the deprecated ones in place of which there is now instead.
func (s *Settings) TableFields(f *config.FieldSet, product, instead string) {
	f.String(&s.Table, "table", "string", "DB table name to store/update events, table is auto-created", config.Required())
	s.DirField(f)
	s.LimitField(f)
	f.Int(&s.MaxOpenConnections, "max_open_connections", "maximum number of open connections to the database, defaults to '2'",
		config.Default("2"), config.Range(0, 1<<16))
	f.String(&s.Host, "host", "hostname", product+" server hostname", config.Deprecated(instead))
	f.String(&s.Port, "port", "port", product+" server port", config.Deprecated(instead), config.Range(1, 65535))
	f.String(&s.Username, "username", "string", "database username", config.Deprecated(instead))
	f.Secret(&s.Password, "password", "database password", config.Deprecated(instead))
	f.String(&s.Database, "database", "string", "database name", config.Deprecated(instead))
}

// ParseTable reads the name of the table. The name of a mirror leaves room for
// that of its companion.
func (s *Settings) ParseTable(g Grammar) (Name, error) {
	name, err := g.Parse(s.Table)
	if err == nil && s.Mirrors() {
		err = g.CheckCompanion(name)
	}
	return name, err
}

// WarnDeprecated logs that the deprecated keys are used.
func WarnDeprecated(env target.Env, instead string) {
	warning := "host, port, username, password and database are deprecated, use " + instead + " instead"
	env.Log().Warn(warning, "target", env.ID.String()) //nolint:sloglint // one of two texts, which scripts may look for
}
