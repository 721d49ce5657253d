package elasticsearch_test

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/elasticsearch"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

func TestMain(m *testing.M) { targettest.Main(m, elasticsearch.Kind()) }

// TestSuite7 and TestSuite8 run the suite against version 7 without security and
// version 8 with it; the other two pairs are variants. A node takes ten seconds
// and more for each of the suite's restarts, so the format access, of which less
// can go wrong, is restarted in one version only.
func TestSuite7(t *testing.T) {
	n := startNode(t, brokertest.Elasticsearch7, false)
	t.Run("access", func(t *testing.T) { targettest.Run(t, n.suite("7", "access")) })
	t.Run("namespace", func(t *testing.T) { targettest.Run(t, n.suite("7", "namespace")) })
}

func TestSuite8(t *testing.T) {
	n := startNode(t, brokertest.Elasticsearch8, true)
	n.runVariants(t, "access")
	t.Run("namespace", func(t *testing.T) { targettest.Run(t, n.suite("8 with security", "namespace")) })
}

func TestSecure7(t *testing.T) {
	n := startNode(t, brokertest.Elasticsearch7, true)
	n.runVariants(t, "access")
	n.runVariants(t, "namespace")
}

func TestPlain8(t *testing.T) {
	n := startNode(t, brokertest.Elasticsearch8, false)
	n.runVariants(t, "access")
	n.runVariants(t, "namespace")
	t.Run("index", n.testIndex)
}

// TestOpenSearch: OpenSearch has no type flattened and does not call itself
// Elasticsearch.
func TestOpenSearch(t *testing.T) {
	n := &node{Elasticsearch: brokertest.StartOpenSearch(t)}
	n.runVariants(t, "access")
	t.Run("namespace", func(t *testing.T) { targettest.Run(t, n.suite("OpenSearch", "namespace")) })
}

func (n *node) runVariants(t *testing.T, format string) {
	t.Helper()
	t.Run(format, func(t *testing.T) {
		targettest.RunVariants(t, targettest.Suite{Kind: elasticsearch.Kind(), Variants: n.variants(format)})
	})
}

// suite is what the suites of all nodes and formats share.
func (n *node) suite(name, format string) targettest.Suite {
	const objects = "two bytes: a document is an object"
	s := targettest.Suite{
		Kind: elasticsearch.Kind(), Name: name + ", format " + format, New: n.reached(format, nil), OneProcess: true, Variants: n.variants(format),
		// Around a body there is its action.
		Bodies: targettest.Bodies{
			Shortest: "{}", Fits: brokertest.MaxElasticsearchRequest - 4<<10, Over: brokertest.MaxElasticsearchRequest,
		},
		Notes:   map[string]string{targettest.OneByte: objects},
		Without: map[string]string{targettest.Missing: "the kind makes the index for the first event"},
	}
	if format == "namespace" {
		s.Rows = rows
		s.Without[targettest.OrderOfKey] = "a document shows the last event of its key"
	}
	if n.Certs != nil {
		s.Notes[targettest.NoClientCert] = "the node demands none, and refuses one that is not a client's"
		return s
	}
	for _, name := range []string{
		targettest.WrongCredentials, targettest.TLS, targettest.WrongCA, targettest.ClientCertificate, targettest.NoClientCert,
	} {
		s.Without[name] = "this node has no security"
	}
	return s
}

// variants are the ways to reach a node.
func (n *node) variants(format string) []targettest.Variant {
	all := []targettest.Variant{
		{Name: "MinIO's ids", New: n.reached(format, map[string]string{"document_id": "minio"})},
		{Name: "slash at the end of the address", New: n.reached(format, map[string]string{"url": n.URL + "/"})},
	}
	if n.Certs == nil {
		return append(all, targettest.Variant{
			Name: "TLS to a server without", New: n.reached(format, map[string]string{"url": strings.Replace(n.URL, "http:", "https:", 1)}), WantErr: "tls: ",
		})
	}
	inURL := strings.Replace(n.URL, "//", "//"+brokertest.Login+":"+brokertest.Password+"@", 1)
	return append(all, []targettest.Variant{
		{Name: "password in the address", Case: targettest.TLS, New: n.reached(format, map[string]string{"url": inURL, "username": "", "password": ""})},
		{Name: "wrong password", Case: targettest.WrongCredentials, New: n.reached(format, map[string]string{"password": wrongPassword}), WantErr: "answered 401"},
		{Name: "user of few rights", New: n.limited(format, brokertest.ElasticsearchWriter)},
		{Name: "user who may only look", New: n.limited(format, brokertest.ElasticsearchViewer), WantErr: "answered 403"},
		{Name: "no password", New: n.reached(format, map[string]string{"username": "", "password": ""}), WantErr: "answered 401"},
		{Name: "TLS without its CA", Case: targettest.WrongCA, New: n.reached(format, map[string]string{"cert_authority": n.Certs.OtherCA}), WantErr: "certificate signed by unknown authority"},
		{Name: "client certificate", Case: targettest.ClientCertificate, New: n.reached(format, map[string]string{"client_cert": n.Certs.ClientCert, "client_key": n.Certs.ClientKey})},
		{Name: "certificate that is no client's", Case: targettest.NoClientCert, New: n.reached(format, map[string]string{"client_cert": n.Certs.ServerCert, "client_key": n.Certs.ServerKey}), WantErr: "tls: "},
	}...)
}

// limited is a user who may do with the index, and its companion, what
// docs/targets/elasticsearch.md lists, and nothing else; or less than that.
func (n *node) limited(format, user string) func(*testing.T) targettest.Harness {
	return func(t *testing.T) targettest.Harness {
		h := n.harness(t, format)
		h.index = brokertest.LimitedIndexes + h.index
		h.values["index"], h.values["username"] = h.index, user
		return h
	}
}
