package brokertest

import (
	"fmt"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// nkey has the server know its client by a key pair, and writes the seed.
func (n *NATS) nkey() (conf string, err error) {
	user, err := nkeys.CreateUser()
	if err != nil {
		return "", err
	}
	public, err := user.PublicKey()
	if err != nil {
		return "", err
	}
	seed, err := user.Seed()
	if err != nil {
		return "", err
	}
	n.Seed = n.write("user.nk", string(seed))
	return fmt.Sprintf("authorization { users: [ { nkey: %q } ] }\n", public), nil
}

// credentials has the server trust an operator, who trusts an account, which
// trusts a user, and writes the user's credentials. Such a server has no
// JetStream without a system account.
func (n *NATS) credentials() (conf string, err error) {
	operator, operatorKey, err := newKey(nkeys.CreateOperator)
	if err != nil {
		return "", err
	}
	account, accountKey, err := newKey(nkeys.CreateAccount)
	if err != nil {
		return "", err
	}
	user, userKey, err := newKey(nkeys.CreateUser)
	if err != nil {
		return "", err
	}
	operatorJWT, err := jwt.NewOperatorClaims(operator).Encode(operatorKey)
	if err != nil {
		return "", err
	}
	accountJWT, err := jwt.NewAccountClaims(account).Encode(operatorKey)
	if err != nil {
		return "", err
	}
	userJWT, err := jwt.NewUserClaims(user).Encode(accountKey)
	if err != nil {
		return "", err
	}
	seed, err := userKey.Seed()
	if err != nil {
		return "", err
	}
	creds, err := jwt.FormatUserConfig(userJWT, seed)
	if err != nil {
		return "", err
	}
	n.Credentials = n.write("user.creds", string(creds))
	return fmt.Sprintf("operator: %q\nresolver: MEMORY\nresolver_preload: { %s: %q }\n", operatorJWT, account, accountJWT), nil
}

func newKey(create func() (nkeys.KeyPair, error)) (public string, pair nkeys.KeyPair, err error) {
	if pair, err = create(); err == nil {
		public, err = pair.PublicKey()
	}
	return public, pair, err
}
