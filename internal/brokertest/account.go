package brokertest

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is whom a broker runs as; the zero account is whoever runs the test.
type account struct {
	change   bool
	uid, gid uint32
}

// unprivileged is this process's account unless that is root's: then the one of
// the given name, which the broker's package made, else nobody.
func unprivileged(name string) (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{name, "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return account{}, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return account{}, err
		}
		return account{true, uint32(uid), uint32(gid)}, nil
	}
	return account{}, fmt.Errorf("it does not run as root, and there is no account %s or nobody", name)
}

func (a account) attributes() *syscall.SysProcAttr {
	attributes := childAttributes()
	if a.change {
		attributes.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attributes
}

// own gives a file to the account.
func (a account) own(path string) error {
	if !a.change {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}
