package brokertest

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
)

// Redis is a Redis server that asks for a password, and syncs every write.
type Redis struct {
	*Process
	Address string
	// User is a user of the access control list who may do everything, with
	// Password.
	User string
}

// StartRedis starts one. Its default user has Password too.
func StartRedis(t T) *Redis {
	t.Helper()
	r := &Redis{Process: newProcess(t, "redis"), User: Login}
	port := FreePort(t)
	r.Address = address(port)
	users := r.write("users.acl", fmt.Sprintf("user default on >%s ~* &* +@all\nuser %s on >%s ~* &* +@all\n", Password, r.User, Password))
	server := program(t, "redis-server")
	data := r.mkdir("data")
	r.command = func() *exec.Cmd {
		return exec.Command(server, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", data, "--daemonize", "no",
			"--save", "", "--appendonly", "yes", "--appendfsync", "always", "--aclfile", users)
	}
	r.ready = func(ctx context.Context) error {
		return greets(ctx, r.Address, "*3\r\n$4\r\nAUTH\r\n$"+strconv.Itoa(len(Login))+"\r\n"+Login+"\r\n$"+
			strconv.Itoa(len(Password))+"\r\n"+Password+"\r\n", "+OK")
	}
	r.Start()
	return r
}
