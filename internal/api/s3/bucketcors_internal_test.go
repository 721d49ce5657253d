package s3api

import (
	"net/http"
	"reflect"
	"testing"
)

// FuzzCORSDocument: no document panics, and what is taken is read back the same
// and can be matched.
func FuzzCORSDocument(f *testing.F) {
	f.Add([]byte(`<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>`))
	f.Add([]byte(`<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><CORSRule><ID>a</ID><AllowedHeader>x-*</AllowedHeader>` +
		`<AllowedMethod>PUT</AllowedMethod><AllowedOrigin>https://*.example</AllowedOrigin><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>0</MaxAgeSeconds></CORSRule></CORSConfiguration>`))
	f.Add([]byte(`<!DOCTYPE x [<!ENTITY y "z">]><CORSConfiguration>&y;</CORSConfiguration>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		config, err := parseCORS(body)
		if err != nil || config.Validate() != nil {
			return
		}
		config.Match("https://a.example", http.MethodGet, []string{"x-a"})
		var d document
		d.cors(config)
		again, err := parseCORS(d.Bytes())
		if err != nil || !reflect.DeepEqual(again, config) {
			t.Errorf("%v: %+v is read back as %+v by %s", err, config, again, d.Bytes())
		}
	})
}
