package elasticsearch_test

import (
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/brokertest"
	"github.com/carillon-s3/carillon/internal/notify/elasticsearch"
	"github.com/carillon-s3/carillon/internal/notify/target/targettest"
)

// TestSuite7 and TestSuite8 run the suite against version 7 without security and
// version 8 with it; the other two pairs are variants. A node takes ten seconds
// and more for each of the suite's restarts, so the format access, of which less
// can go wrong, is restarted in one version only.
func TestSuite7(t *testing.T) {
	n := startNode(t, brokertest.Elasticsearch7, false)
	t.Run("access", func(t *testing.T) {
		targettest.Run(t, targettest.Suite{Kind: elasticsearch.Kind(), New: n.reached("access", nil), Variants: n.variants("access")})
	})
	t.Run("namespace", n.testMirror)
}

func TestSuite8(t *testing.T) {
	n := startNode(t, brokertest.Elasticsearch8, true)
	t.Run("access", func(t *testing.T) {
		targettest.RunVariants(t, targettest.Suite{Kind: elasticsearch.Kind(), Variants: n.variants("access")})
	})
	t.Run("namespace", n.testMirror)
}

// testMirror runs the suite for the format namespace.
func (n *node) testMirror(t *testing.T) {
	targettest.Run(t, targettest.Suite{
		Kind: elasticsearch.Kind(), New: n.reached("namespace", nil), Rows: rows, Variants: n.variants("namespace"),
	})
}

// TestOtherNodes: version 7 with security and version 8 without.
func TestOtherNodes(t *testing.T) {
	tests := map[string]struct {
		version string
		secure  bool
	}{
		"7 secure": {brokertest.Elasticsearch7, true},
		"8":        {brokertest.Elasticsearch8, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n := startNode(t, tt.version, tt.secure)
			for _, format := range []string{"access", "namespace"} {
				t.Run(format, func(t *testing.T) {
					targettest.RunVariants(t, targettest.Suite{Kind: elasticsearch.Kind(), Variants: n.variants(format)})
				})
			}
		})
	}
}

// TestOpenSearch: OpenSearch has no type flattened and does not call itself
// Elasticsearch.
func TestOpenSearch(t *testing.T) {
	n := &node{Elasticsearch: brokertest.StartOpenSearch(t)}
	t.Run("access", func(t *testing.T) {
		targettest.RunVariants(t, targettest.Suite{Kind: elasticsearch.Kind(), Variants: n.variants("access")})
	})
	t.Run("namespace", n.testMirror)
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
		{Name: "password in the address", New: n.reached(format, map[string]string{"url": inURL, "username": "", "password": ""})},
		{Name: "wrong password", New: n.reached(format, map[string]string{"password": wrongPassword}), WantErr: "answered 401"},
		{Name: "user of few rights", New: n.limited(format, brokertest.ElasticsearchWriter)},
		{Name: "user who may only look", New: n.limited(format, brokertest.ElasticsearchViewer), WantErr: "answered 403"},
		{Name: "no password", New: n.reached(format, map[string]string{"username": "", "password": ""}), WantErr: "answered 401"},
		{Name: "TLS without its CA", New: n.reached(format, map[string]string{"cert_authority": n.Certs.OtherCA}), WantErr: "certificate signed by unknown authority"},
		{Name: "client certificate", New: n.reached(format, map[string]string{"client_cert": n.Certs.ClientCert, "client_key": n.Certs.ClientKey})},
		{Name: "certificate that is no client's", New: n.reached(format, map[string]string{"client_cert": n.Certs.ServerCert, "client_key": n.Certs.ServerKey}), WantErr: "tls: "},
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
