package pgtest

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is whom the server runs as. PostgreSQL refuses to run as root.
type account struct {
	change   bool
	uid, gid uint32
}

// unprivileged is this process's account unless that is root's: then the one
// that PostgreSQL's package made, else nobody.
func unprivileged() (*account, error) {
	if os.Geteuid() != 0 {
		return &account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &account{true, uint32(uid), uint32(gid)}, nil
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no account postgres or nobody")
}

func (a *account) attributes() *syscall.SysProcAttr {
	attributes := childAttributes()
	if a.change {
		attributes.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attributes
}

// own gives dir to the account.
func (a *account) own(dir string) error {
	if !a.change {
		return nil
	}
	return os.Chown(dir, int(a.uid), int(a.gid))
}
