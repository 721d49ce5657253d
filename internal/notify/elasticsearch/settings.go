package elasticsearch

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// Values of format.
const (
	formatNamespace = "namespace"
	formatAccess    = "access"
)

// Values of document_id.
const (
	idsAuto  = "auto"
	idsGuide = "guide"
	idsMinIO = "minio"
)

// maxIndexName bounds the name of an index in bytes: Elasticsearch's own limit
// of 255, less the room for the companion's suffix.
const maxIndexName = 255 - len(companionSuffix)

// Settings are the keys of notify_elasticsearch.
type Settings struct {
	config.Queue
	target.Form
	URL           string
	Format        string
	Index         string
	Username      string
	Password      config.Secret
	DocumentID    string
	CertAuthority string
	ClientCert    string
	ClientKey     string
}

// Fields declares the keys, in the order in which `mc admin config get` prints
// them.
func (s *Settings) Fields(f *config.FieldSet) {
	f.URL(&s.URL, "url", "Elasticsearch server's address, with optional authentication info",
		config.Required(), config.Schemes("http", "https"))
	f.String(&s.Format, "format", "(namespace*|access)",
		"'namespace' reflects current bucket/object list and 'access' reflects a journal of object operations, defaults to 'namespace'",
		config.Required(), config.Default(formatNamespace), config.OneOf(formatNamespace, formatAccess))
	f.String(&s.Index, "index", "string", "Elasticsearch index to store/update events, index is auto-created",
		config.Required(), config.Check(checkIndex))
	s.DirField(f)
	s.LimitField(f)
	f.String(&s.Username, "username", "string", "username for Elasticsearch basic-auth")
	f.Secret(&s.Password, "password", "password for Elasticsearch basic-auth")
	f.String(&s.DocumentID, "document_id", "(auto*|guide|minio)",
		"ids of the documents of format 'namespace': 'guide' is bucket/object, 'minio' is MinIO's hash of it, 'auto' keeps what the index has",
		config.OneOf(idsAuto, idsGuide, idsMinIO), config.Default(idsAuto), config.Extension())
	f.Path(&s.CertAuthority, "cert_authority", "file of CA certificates to trust for the server, besides our own", config.Extension())
	f.Path(&s.ClientCert, "client_cert", "client certificate for mutual TLS", config.Extension())
	f.Path(&s.ClientKey, "client_key", "key of the client certificate", config.Extension())
	s.BoundFields(f)
	s.PayloadField(f)
}

// Validate checks what one key alone cannot tell.
func (s *Settings) Validate() error {
	var errs []error
	if _, err := s.address(); err != nil {
		errs = append(errs, err)
	}
	if (s.Username == "") != (s.Password == "") {
		errs = append(errs, errors.New("username and password: both must be given, or neither"))
	}
	if (s.ClientCert == "") != (s.ClientKey == "") {
		errs = append(errs, errors.New("client_cert and client_key: both must be given, or neither"))
	}
	errs = append(errs, s.CheckMirror(s.Format == formatNamespace))
	return errors.Join(errs...)
}

// address parses url and puts the credentials in it: username and password win
// over those that the URL holds. Its error does not show it.
func (s *Settings) address() (*url.URL, error) {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil:
		return nil, errors.New("url: not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("url: unexpected scheme; the URL must begin with http:// or https://")
	case u.Hostname() == "":
		return nil, errors.New("url: the URL names no host")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("url: the URL has a part after ? or #, which no server's address has")
	}
	if u.User != nil {
		if password, _ := u.User.Password(); password == "" || u.User.Username() == "" {
			return nil, errors.New("url: the URL holds a user without a password, or a password without a user")
		}
	}
	if s.Username != "" {
		u.User = url.UserPassword(s.Username, s.Password.Reveal())
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// checkIndex refuses names that Elasticsearch refuses (Create index API, "path
// parameters"), and those that stand for several indexes.
func checkIndex(name string) error {
	switch {
	case len(name) > maxIndexName:
		return fmt.Errorf("the name of an index has at most %d bytes here", maxIndexName)
	case strings.ContainsAny(name, "\\/*?\"<>| ,#:"):
		return errors.New(`the name of an index has none of \ / * ? " < > | , # : or space in it`)
	case name == "." || name == ".." || strings.ContainsAny(name[:1], "-_+"):
		return errors.New("the name of an index begins with none of - _ +, and is not of dots alone")
	case strings.ToLower(name) != name:
		return errors.New("the name of an index is in lower case")
	}
	return nil
}

// tls is the configuration for an https address.
func (s *Settings) tls(env target.Env) (*tls.Config, error) {
	return target.ClientTLS{
		CAFile: s.CertAuthority, CAKey: "cert_authority",
		CertFile: s.ClientCert, KeyFile: s.ClientKey, CertKeys: "client_cert and client_key",
	}.Config(env)
}
