// Package config holds the server's settings: each declared once, in the
// package that uses it, and found in the environment, in the store, or in its
// default, in that order.
//
// A sub-system (`notify_webhook`) is a SubSystem value whose New returns a
// pointer to a struct. The struct names its settings by binding each field to a
// key, as package flag does:
//
//	type settings struct {
//		config.Queue
//		Endpoint  string
//		AuthToken config.Secret
//	}
//
//	func (s *settings) Fields(f *config.FieldSet) {
//		f.URL(&s.Endpoint, "endpoint", "webhook server endpoint", config.Required(), config.Schemes("http", "https"))
//		f.Secret(&s.AuthToken, "auth_token", "opaque string or JWT authorization token", config.FreeText())
//		s.Queue.LimitField(f)
//		s.Queue.DirField(f)
//	}
//
//	func (s *settings) Validate() error { return nil }
//
// From that one declaration come the environment's names, the texts of `mc
// admin config get`, `set` and `reset`, the help, validation with all errors at
// once, and redaction. The keys enable and comment are added to every
// sub-system that has instances.
//
// A value that is empty means the default, wherever it was found.
package config
