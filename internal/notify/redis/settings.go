package redis

import (
	"errors"
	"net"
	"strconv"

	"github.com/carillon-s3/carillon/internal/config"
	"github.com/carillon-s3/carillon/internal/notify/target"
)

// Values of format.
const (
	// formatNamespace keeps a hash with a field per key that GET shows.
	formatNamespace = "namespace"
	// formatAccess appends every event to a list.
	formatAccess = "access"
)

// Values of access_layout.
const (
	// layoutAuto keeps the shape of the list's last item.
	layoutAuto = "auto"
	// layoutGuide is the item that the notification guide describes.
	layoutGuide = "guide"
	// layoutMinIO is the item that a MinIO server writes.
	layoutMinIO = "minio"
)

// Settings are the keys of notify_redis.
type Settings struct {
	config.Queue
	target.Form
	Format       string
	Address      string
	Key          string
	Password     config.Secret
	User         string
	AccessLayout string
}

// Fields declares the keys, in the order in which `mc admin config get` prints
// them.
func (s *Settings) Fields(f *config.FieldSet) {
	f.String(&s.Format, "format", "(namespace*|access)",
		"'namespace' reflects current bucket/object list and 'access' reflects a journal of object operations, defaults to 'namespace'",
		config.Required(), config.OneOf(formatNamespace, formatAccess), config.Default(formatNamespace))
	f.String(&s.Address, "address", "address", "Redis server's address. For example: `localhost:6379`",
		config.Required(), config.Check(hostAndPort))
	f.String(&s.Key, "key", "string", "Redis key to store/update events, key is auto-created", config.Required())
	f.Secret(&s.Password, "password", "Redis server password")
	f.String(&s.User, "user", "string", "Redis server user for the auth")
	s.DirField(f)
	s.LimitField(f)
	f.String(&s.AccessLayout, "access_layout", "(auto*|guide|minio)",
		"items of format=access: 'guide' is [time, event], 'minio' is [{\"Event\",\"EventTime\"}], 'auto' is as the list's last item",
		config.OneOf(layoutAuto, layoutGuide, layoutMinIO), config.Default(layoutAuto), config.Extension())
	s.BoundFields(f)
	s.PayloadField(f)
}

// Validate checks what one key alone cannot tell.
func (s *Settings) Validate() error {
	if s.User != "" && s.Password == "" {
		return errors.New("password: a user needs one")
	}
	return s.CheckMirror(s.Format == formatNamespace)
}

// hostAndPort checks an address.
func hostAndPort(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return errors.New("must be host:port, such as localhost:6379")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("the port must be a number from 1 to 65535")
	}
	return nil
}
