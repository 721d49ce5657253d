package iam

import "time"

// The policies that exist without being made, under the names that MinIO's users
// know. readonly reads objects whose keys are known, and lists none.
const (
	consoleAdmin = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["admin:*"]},` +
		`{"Effect":"Allow","Action":["kms:*"]},{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}`
	readWrite   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]}]}`
	readOnly    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetBucketLocation","s3:GetObject"],"Resource":["arn:aws:s3:::*"]}]}`
	writeOnly   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:PutObject"],"Resource":["arn:aws:s3:::*"]}]}`
	diagnostics = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["admin:ServerInfo","admin:ServerTrace","admin:ConsoleLog",` +
		`"admin:Profiling","admin:TopLocksInfo","admin:OBDInfo","admin:BandwidthMonitor","admin:Prometheus"],"Resource":["arn:aws:s3:::*"]}]}`
)

// builtInPolicies are those policies. A stored policy of the same name comes
// before them.
func builtInPolicies() map[string]*storedPolicy {
	all := make(map[string]*storedPolicy)
	for name, document := range map[string]string{
		"consoleAdmin": consoleAdmin, "readwrite": readWrite, "readonly": readOnly, "writeonly": writeOnly, "diagnostics": diagnostics,
	} {
		epoch := time.Unix(0, 0).UTC()
		p, err := newStoredPolicy(policyRecord{Document: []byte(document), Created: epoch, Updated: epoch})
		if err != nil {
			panic("iam: the built-in policy " + name + ": " + err.Error())
		}
		p.builtIn = true
		all[name] = p
	}
	return all
}
