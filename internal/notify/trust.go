package notify

import "crypto/x509"

// Trust has all targets trust other roots for TLS, nil the system's, from their
// next connections on. No event is lost by it.
func (d *Dispatcher) Trust(roots *x509.CertPool) {
	d.applying.Lock()
	defer d.applying.Unlock()
	d.options.Env.RootCAs = roots
	for _, c := range d.snapshot() {
		if c.runner != nil {
			c.runner.trust(roots)
		}
	}
}

// trust has the next Send open a client that trusts other roots.
func (r *runner) trust(roots *x509.CertPool) {
	r.mu.Lock()
	old := r.current
	r.env.RootCAs, r.openErr = roots, nil
	r.mu.Unlock()
	if old != nil {
		r.retire(old)
	}
	r.pokeAll()
}
