package s3api

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/carillon-s3/carillon/internal/event"
	"github.com/carillon-s3/carillon/internal/iam"
	"github.com/carillon-s3/carillon/internal/object"
)

// TestCodesAreUnique reads the table from its source: one line per code.
func TestCodesAreUnique(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 3 {
			return true
		}
		if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "newCode" {
			return true
		}
		name, err := strconv.Unquote(call.Args[0].(*ast.BasicLit).Value)
		if err != nil || seen[name] {
			t.Errorf("%s is there twice (%v)", name, err)
		}
		seen[name] = true
		return true
	})
	if len(seen) < 50 {
		t.Errorf("only %d codes found", len(seen))
	}
}

func TestToAPIError(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err     error
		code    string
		status  int
		message string
	}{
		{errNoSuchKey, "NoSuchKey", 404, "The specified key does not exist."},
		{errInvalidArgument.says("no"), "InvalidArgument", 400, "no"},
		{fmt.Errorf("put: %w", object.ErrNoSuchBucket), "NoSuchBucket", 404, "The specified bucket does not exist"},
		{fmt.Errorf("put: %w", iam.ErrIncompleteBody), "IncompleteBody", 400, ""},
		{&iam.Detail{Err: iam.ErrHeaderMalformed, Message: "why"}, "AuthorizationHeaderMalformed", 400, "why"},
		{&iam.RegionError{Got: "a", Want: "b"}, "AuthorizationHeaderMalformed", 400, "The authorization header is malformed; the region is wrong; expecting 'b'."},
		{&iam.RegionError{Got: "a", Want: "b", Query: true}, "AuthorizationQueryParametersError", 400, ""},
		{&event.ConfigError{Code: "UnsupportedNotification", Message: "m"}, "UnsupportedNotification", 400, "m"},
		{fmt.Errorf("%w: disk", object.ErrNoSpace), "XMinioStorageFull", 507, ""},
		{object.ErrUnsure, "ServiceUnavailable", 503, ""},
		{object.ErrContended, "SlowDown", 503, ""},
		{errors.New("/secret/path is broken"), "InternalError", 500, "We encountered an internal error. Please try again."},
	}
	for _, tt := range tests {
		e := toAPIError(tt.err)
		if e.name != tt.code || e.status != tt.status || tt.message != "" && e.text() != tt.message {
			t.Errorf("%v is answered %d %s %q", tt.err, e.status, e.name, e.text())
		}
	}
}

// TestEveryDomainErrorIsAnswered: a new error of the object layer or of iam must
// get a line in the table.
func TestEveryDomainErrorIsAnswered(t *testing.T) {
	t.Parallel()
	mapped := map[string]bool{}
	for _, d := range domainErrors() {
		mapped[d.err.Error()] = true
	}
	for _, source := range []string{"../../object/object.go", "../../iam/errors.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			literal, isLiteral := call.Args[0].(*ast.BasicLit)
			if !ok || f.Sel.Name != "New" || !isLiteral {
				return true
			}
			text, _ := strconv.Unquote(literal.Value)
			if !mapped[text] {
				t.Errorf("%q of %s is not answered", text, source)
			}
			return true
		})
	}
}
