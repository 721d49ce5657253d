package server

import (
	"fmt"
	"strings"

	"github.com/carillon-s3/carillon/internal/sse"
)

// Names of variables, as in knownEnv.
const (
	envMasterKeys  = "KMS_SECRET_KEY"
	envAutoEncrypt = "KMS_AUTO_ENCRYPTION"
)

// masterKeys reads the master keys of server-side encryption, and whether objects
// are encrypted of which nobody says how. Keys that cannot be read stop the start:
// a server without them could read none of what they encrypted.
func (e *environment) masterKeys() (keys *sse.Keys, auto bool, err error) {
	list, err := e.secret(envMasterKeys)
	if err != nil {
		return nil, false, err
	}
	variable := e.nameOf(envMasterKeys, envMasterKeys+fileSuffix)
	if variable != "" {
		if keys, err = sse.ParseKeys(list); err != nil {
			return nil, false, fmt.Errorf("%w: %s: %w; it is name:key, or several of these between commas, each key %d bytes in base64", ErrUsage, variable, err, sse.KeyBytes)
		}
	}
	value, variable, _ := e.Lookup(envAutoEncrypt)
	switch strings.ToLower(value) {
	case "on", "true", "1", "enable", "enabled", "yes":
		auto = true
	case "", "off", "false", "0", "disable", "disabled", "no":
	default:
		return nil, false, fmt.Errorf("%w: %s is neither \"on\" nor \"off\"", ErrUsage, variable)
	}
	if auto && !keys.Configured() {
		return nil, false, fmt.Errorf("%w: %s is on and %s is not set", ErrUsage, variable, envMasterKeys)
	}
	return keys, auto, nil
}

// nameOf is the full name of the first of these variables that is set; empty if
// none is.
func (e *environment) nameOf(names ...string) string {
	for _, name := range names {
		if _, variable, ok := e.Lookup(name); ok {
			return variable
		}
	}
	return ""
}
