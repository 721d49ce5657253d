package mysql

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	driver "github.com/go-sql-driver/mysql"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
	"github.com/carillon-s3/carillon/internal/notify/target/sqltable"
)

// Settings are the keys of notify_mysql.
type Settings struct {
	sqltable.Settings
	DSN config.Secret // it holds a password

	// CertAuthority, ClientCert and ClientKey say what tls=true in the DSN
	// cannot.
	CertAuthority, ClientCert, ClientKey string
}

// Fields declares the keys, in the order in which `mc admin config get` prints
// them.
func (s *Settings) Fields(f *config.FieldSet) {
	s.FormatField(f)
	f.Secret(&s.DSN, "dsn_string", `MySQL data-source-name connection string e.g. "<user>:<password>@tcp(<host>:<port>)/<database>"`,
		config.RequiredUnless("host"), config.FreeText())
	s.TableFields(f, "MySQL", "dsn_string")
	f.Path(&s.CertAuthority, "cert_authority", "file of CA certificates to trust for the server with tls=true in dsn_string, besides the server's own",
		config.Extension())
	f.Path(&s.ClientCert, "client_cert", "client certificate to show with tls in dsn_string", config.Extension())
	f.Path(&s.ClientKey, "client_key", "key of the client certificate", config.Extension())
	s.BoundFields(f)
	s.PayloadField(f)
}

// Validate checks what one key alone cannot tell.
func (s *Settings) Validate() error {
	var errs []error
	conf, err := s.driverConfig()
	if err != nil {
		errs = append(errs, err)
	}
	name, err := s.ParseTable(grammar())
	errs = append(errs, err)
	if conf != nil && conf.DBName == "" && err == nil && name.Schema == "" {
		errs = append(errs, errors.New("dsn_string: it names no database, and neither does table"))
	}
	if (s.ClientCert == "") != (s.ClientKey == "") {
		errs = append(errs, errors.New("client_cert and client_key: both must be given, or neither"))
	}
	if conf != nil && conf.TLS == nil && (s.CertAuthority != "" || s.ClientCert != "") {
		errs = append(errs, errors.New("dsn_string: cert_authority and client_cert need ?tls=true in it"))
	}
	errs = append(errs, s.CheckMirror(s.Mirrors()))
	return errors.Join(errs...)
}

// senders is how many Sends may be under way.
func (s *Settings) senders() int {
	if s.MaxOpenConnections == 0 {
		return maxSenders
	}
	return min(s.MaxOpenConnections, maxSenders)
}

// driverConfig reads the DSN. Its errors show nothing of it: it holds a
// password.
func (s *Settings) driverConfig() (*driver.Config, error) {
	conf, err := s.parseDSN()
	if err != nil {
		return nil, err
	}
	if conf.Net == "tcp" {
		host, port, err := net.SplitHostPort(conf.Addr)
		if err != nil || host == "" {
			return nil, errors.New("dsn_string: the address is not <host>:<port>")
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, errors.New("dsn_string: the port is not a number from 1 to 65535")
		}
	}
	// Values go into the statement: one round trip, nothing to prepare.
	conf.InterpolateParams = true
	conf.Logger = &driver.NopLogger{} // errors are returned
	conf.MaxAllowedPacket = 0         // what the server says
	conf.RejectReadOnly = true        // a server that was demoted is left for the next
	conf.Collation = ""
	if err := conf.Apply(driver.Charset("utf8mb4", "")); err != nil {
		return nil, dsnError(err)
	}
	if conf.Params == nil {
		conf.Params = make(map[string]string)
	}
	conf.Params["sql_mode"] = "'STRICT_ALL_TABLES'" // nothing is cut to fit
	conf.Params["innodb_lock_wait_timeout"] = lockWait
	return conf, nil
}

func (s *Settings) parseDSN() (*driver.Config, error) {
	if s.DSN == "" {
		conf := driver.NewConfig()
		conf.User, conf.Passwd, conf.DBName = s.Username, s.Password.Reveal(), s.Database
		port := s.Port
		if port == "" {
			port = "3306"
		}
		conf.Net, conf.Addr = "tcp", net.JoinHostPort(s.Host, port)
		return conf, nil
	}
	conf, err := driver.ParseDSN(s.DSN.Reveal())
	if err != nil {
		return nil, dsnError(err)
	}
	return conf, nil
}

// dsnError says what is wrong with a DSN without repeating any of it: only those
// words of the library are passed on that are always the same.
func dsnError(err error) error {
	text, ok := strings.CutPrefix(err.Error(), "invalid DSN: ")
	if ok && slices.Contains([]string{
		"did you forget to escape a param value?",
		"network address not terminated (missing closing brace)",
		"missing the slash separating the database name",
	}, text) {
		return errors.New("dsn_string: " + text)
	}
	return errors.New(`dsn_string: not of the form "<user>:<password>@tcp(<host>:<port>)/<database>", or one of its parameters has no such value`)
}

// trust gives TLS the roots and certificates of the settings.
func (s *Settings) trust(conf *driver.Config, env target.Env) error {
	if conf.TLS == nil {
		return nil
	}
	tls, err := target.ClientTLS{
		CAFile: s.CertAuthority, CAKey: "cert_authority",
		CertFile: s.ClientCert, KeyFile: s.ClientKey, CertKeys: "client_cert and client_key",
		SkipVerify: conf.TLS.InsecureSkipVerify,
	}.Config(env)
	if err != nil {
		return err
	}
	tls.ServerName = conf.TLS.ServerName
	conf.TLS = tls
	return nil
}
