package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/carillon-s3/carillon/internal/policy"
)

const (
	silent  = policy.Silent
	allowed = policy.Allowed
	denied  = policy.Denied
)

// with is a request whose condition keys have the values given as name, value.
func with(r policy.Request, pairs ...string) policy.Request {
	values := map[string][]string{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = append(values[pairs[i]], pairs[i+1])
	}
	r.Value = func(key string) []string { return values[key] }
	return r
}

func get(key string) policy.Request {
	return policy.Request{Action: "s3:GetObject", Resource: "b/" + key}
}

func by(user string, r policy.Request) policy.Request {
	r.User = user
	return r
}

// statement completes what a case gives of a statement on b/*.
func statement(parts string) string {
	s := parts
	for name, otherwise := range map[string]string{
		"Effect": `"Allow"`, "Principal": `"*"`, "Action": `"s3:GetObject"`, "Resource": `"arn:aws:s3:::b/*"`,
	} {
		if !strings.Contains(parts, `"`+name+`"`) && !strings.Contains(parts, `"Not`+name+`"`) {
			s += fmt.Sprintf(`,%q:%s`, name, otherwise)
		}
	}
	return "{" + strings.TrimPrefix(s, ",") + "}"
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statements []string
		request    policy.Request
		want       policy.Verdict
	}{
		"allowed":                  {[]string{``}, get("k"), allowed},
		"another action":           {[]string{``}, policy.Request{Action: "s3:PutObject", Resource: "b/k"}, silent},
		"the bucket itself":        {[]string{``}, policy.Request{Action: "s3:GetObject", Resource: "b"}, silent},
		"a denial wins":            {[]string{``, `"Effect":"Deny","Resource":"arn:aws:s3:::b/secret*"`}, get("secret/k"), denied},
		"a denial before":          {[]string{`"Effect":"Deny"`, ``}, get("k"), denied},
		"a denial of others":       {[]string{``, `"Effect":"Deny","Resource":"arn:aws:s3:::b/secret*"`}, get("k"), allowed},
		"actions ignore the case":  {[]string{`"Action":"S3:getobject"`}, get("k"), allowed},
		"action with a wildcard":   {[]string{`"Action":["s3:List*","s3:Get*"]`}, get("k"), allowed},
		"every action":             {[]string{`"Action":"*"`}, get("k"), allowed},
		"any but the action":       {[]string{`"NotAction":"s3:GetObject"`}, get("k"), silent},
		"any but another action":   {[]string{`"NotAction":"s3:PutObject"`}, get("k"), allowed},
		"any but the resource":     {[]string{`"NotResource":"arn:aws:s3:::b/k"`}, get("k"), silent},
		"any but another resource": {[]string{`"NotResource":"arn:aws:s3:::b/o"`}, get("k"), allowed},
		"one character":            {[]string{`"Resource":"arn:aws:s3:::b/?"`}, get("é"), allowed},
		"keys know their case":     {[]string{`"Resource":"arn:aws:s3:::b/K"`}, get("k"), silent},
		"many wildcards":           {[]string{`"Resource":"arn:aws:s3:::b/a*b*c?"`}, get("a-b-b-c-cd"), allowed},

		"a user by name":       {[]string{`"Principal":{"AWS":["ann","bob"]}`}, by("bob", get("k")), allowed},
		"a user by ARN":        {[]string{`"Principal":{"AWS":"arn:aws:iam::123456789012:user/path/bob"}`}, by("bob", get("k")), allowed},
		"another user":         {[]string{`"Principal":{"AWS":"ann"}`}, by("bob", get("k")), silent},
		"nobody is no user":    {[]string{`"Principal":{"AWS":"ann"}`}, get("k"), silent},
		"everybody by list":    {[]string{`"Principal":{"AWS":["*"]}`}, get("k"), allowed},
		"a service is nobody":  {[]string{`"Principal":{"Service":"logging.s3.amazonaws.com"}`}, by("logging.s3.amazonaws.com", get("k")), silent},
		"all but a user":       {[]string{`"Effect":"Deny","NotPrincipal":{"AWS":"ann"}`}, by("ann", get("k")), silent},
		"all but another user": {[]string{`"Effect":"Deny","NotPrincipal":{"AWS":"ann"}`}, by("bob", get("k")), denied},

		"a variable":               {[]string{`"Resource":"arn:aws:s3:::b/${aws:username}/*"`}, with(get("bob/k"), "aws:username", "bob"), allowed},
		"a variable is no pattern": {[]string{`"Resource":"arn:aws:s3:::b/${aws:username}/*"`}, with(get("bob/k"), "aws:username", "*"), silent},
		"a variable without value": {[]string{`"Resource":"arn:aws:s3:::b/${aws:username}/*"`}, get("${aws:username}/k"), silent},
		"a variable's default":     {[]string{`"Resource":"arn:aws:s3:::b/${aws:username, 'all'}/*"`}, get("all/k"), allowed},
		"a literal star":           {[]string{`"Resource":"arn:aws:s3:::b/${*}"`}, get("x"), silent},
		"a literal star, there":    {[]string{`"Resource":"arn:aws:s3:::b/${*}"`}, get("*"), allowed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all []string
			for _, s := range c.statements {
				all = append(all, statement(s))
			}
			d, err := policy.ParseBucket([]byte(`{"Version":"2012-10-17","Statement":[`+strings.Join(all, ",")+`]}`), "b")
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Evaluate(&c.request); got != c.want {
				t.Errorf("verdict %d, want %d", got, c.want)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		condition string
		values    []string
		want      bool
	}{
		"equal":                     {`"StringEquals":{"s3:prefix":"a"}`, []string{"s3:prefix", "a"}, true},
		"one of several":            {`"StringEquals":{"s3:prefix":["a","b"]}`, []string{"s3:prefix", "b"}, true},
		"not equal":                 {`"StringEquals":{"s3:prefix":"a"}`, []string{"s3:prefix", "A"}, false},
		"no value":                  {`"StringEquals":{"s3:prefix":"a"}`, nil, false},
		"a star is a star":          {`"StringEquals":{"s3:prefix":"a*"}`, []string{"s3:prefix", "ab"}, false},
		"and a star fits it":        {`"StringEquals":{"s3:prefix":"a*"}`, []string{"s3:prefix", "a*"}, true},
		"like":                      {`"StringLike":{"s3:prefix":"a*"}`, []string{"s3:prefix", "ab"}, true},
		"not like":                  {`"StringNotLike":{"s3:prefix":"a*"}`, []string{"s3:prefix", "ab"}, false},
		"not like, no value":        {`"StringNotLike":{"s3:prefix":"a*"}`, nil, true},
		"whatever the case":         {`"StringEqualsIgnoreCase":{"s3:prefix":"a"}`, []string{"s3:prefix", "A"}, true},
		"none of several":           {`"StringNotEquals":{"s3:prefix":["a","b"]}`, []string{"s3:prefix", "b"}, false},
		"keys ignore the case":      {`"StringEquals":{"aws:UserAgent":"x"}`, []string{"aws:useragent", "x"}, true},
		"if it exists":              {`"StringEqualsIfExists":{"s3:prefix":"a"}`, nil, true},
		"if it exists, and differs": {`"StringEqualsIfExists":{"s3:prefix":"a"}`, []string{"s3:prefix", "b"}, false},
		"two keys, both":            {`"StringEquals":{"s3:prefix":"a","s3:delimiter":"/"}`, []string{"s3:prefix", "a", "s3:delimiter", "/"}, true},
		"two keys, one":             {`"StringEquals":{"s3:prefix":"a","s3:delimiter":"/"}`, []string{"s3:prefix", "a"}, false},
		"a variable":                {`"StringEquals":{"s3:prefix":"home/${aws:username}"}`, []string{"s3:prefix", "home/bob", "aws:username", "bob"}, true},

		"number below":       {`"NumericLessThanEquals":{"s3:max-keys":"10"}`, []string{"s3:max-keys", "9"}, true},
		"number as number":   {`"NumericLessThanEquals":{"s3:max-keys":10}`, []string{"s3:max-keys", "11"}, false},
		"number that is not": {`"NumericEquals":{"s3:max-keys":10}`, []string{"s3:max-keys", "x"}, false},
		"number unlike":      {`"NumericNotEquals":{"s3:max-keys":10}`, []string{"s3:max-keys", "11"}, true},
		"date after":         {`"DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}`, []string{"aws:currenttime", "2026-01-02T00:00:00Z"}, true},
		"date before":        {`"DateGreaterThan":{"aws:CurrentTime":"2026-01-01"}`, []string{"aws:currenttime", "2025-01-02T00:00:00Z"}, false},
		"bool":               {`"Bool":{"aws:SecureTransport":"false"}`, []string{"aws:securetransport", "false"}, true},
		"bool as bool":       {`"Bool":{"aws:SecureTransport":true}`, []string{"aws:securetransport", "false"}, false},
		"null, absent":       {`"Null":{"s3:prefix":true}`, nil, true},
		"null, there":        {`"Null":{"s3:prefix":"true"}`, []string{"s3:prefix", "a"}, false},
		"not null":           {`"Null":{"s3:prefix":"false"}`, []string{"s3:prefix", "a"}, true},

		"address in a range":     {`"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`, []string{"aws:sourceip", "10.1.2.3"}, true},
		"address outside":        {`"IpAddress":{"aws:SourceIp":["10.0.0.0/8","::1"]}`, []string{"aws:sourceip", "11.1.2.3"}, false},
		"address in neither":     {`"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","192.168.0.1"]}`, []string{"aws:sourceip", "11.1.2.3"}, true},
		"address in one of both": {`"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","192.168.0.1"]}`, []string{"aws:sourceip", "192.168.0.1"}, false},
		"version 6":              {`"IpAddress":{"aws:SourceIp":"2001:db8::/32"}`, []string{"aws:sourceip", "2001:db8::1"}, true},

		"any of many":     {`"ForAnyValue:StringEquals":{"s3:RequestObjectTagKeys":["a","b"]}`, []string{"s3:requestobjecttagkeys", "x", "s3:requestobjecttagkeys", "b"}, true},
		"any of none":     {`"ForAnyValue:StringEquals":{"s3:RequestObjectTagKeys":"a"}`, nil, false},
		"all of many":     {`"ForAllValues:StringLike":{"s3:RequestObjectTagKeys":"a*"}`, []string{"s3:requestobjecttagkeys", "a1", "s3:requestobjecttagkeys", "a2"}, true},
		"not all of many": {`"ForAllValues:StringLike":{"s3:RequestObjectTagKeys":"a*"}`, []string{"s3:requestobjecttagkeys", "a1", "s3:requestobjecttagkeys", "b"}, false},
		"all of none":     {`"ForAllValues:StringLike":{"s3:RequestObjectTagKeys":"a*"}`, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := policy.ParseBucket([]byte(`{"Statement":`+statement(`"Condition":{`+c.condition+`}`)+`}`), "b")
			if err != nil {
				t.Fatal(err)
			}
			r := with(get("k"), c.values...)
			if got := d.Evaluate(&r) == policy.Allowed; got != c.want {
				t.Errorf("holds: %v, want %v", got, c.want)
			}
		})
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	bucket := func(s string) string { return `{"Statement":[` + statement(s) + `]}` }
	for name, c := range map[string]struct{ document, want string }{
		"nothing":               {``, "first byte"},
		"no JSON":               {`{"Statement":`, "valid JSON"},
		"no object":             {`[]`, "first byte"},
		"a tail":                {`{"Statement":[]} {}`, "valid JSON"},
		"unknown element":       {`{"Statements":[]}`, "Statements"},
		"version":               {`{"Version":"2020-01-01","Statement":[]}`, "version"},
		"no statement":          {`{"Version":"2012-10-17"}`, "Statement"},
		"no statements":         {`{"Statement":[]}`, "Statement"},
		"unknown in statement":  {bucket(`"Resources":"x"`), "Resources"},
		"effect":                {bucket(`"Effect":"allow"`), "Invalid effect: allow"},
		"no principal":          {`{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}}`, "Principal"},
		"principal":             {bucket(`"Principal":"bob"`), "Invalid principal"},
		"sort of principal":     {bucket(`"Principal":{"GCP":"bob"}`), "Invalid principal"},
		"no action":             {bucket(`"Action":[]`), "Action"},
		"both actions":          {bucket(`"Action":"s3:GetObject","NotAction":"s3:GetObject"`), "NotAction"},
		"action":                {bucket(`"Action":"GetObject"`), "invalid action"},
		"service":               {bucket(`"Action":"ec2:Run"`), "invalid action"},
		"action's letters":      {bucket(`"Action":"s3:Get Object"`), "invalid action"},
		"action as an object":   {bucket(`"Action":{}`), "Invalid policy syntax"},
		"resource":              {bucket(`"Resource":"b/*"`), "invalid resource"},
		"another bucket":        {bucket(`"Resource":"arn:aws:s3:::c/*"`), "invalid resource"},
		"object action, bucket": {bucket(`"Resource":"arn:aws:s3:::b"`), "does not apply"},
		"bucket action, object": {bucket(`"Action":"s3:ListBucket"`), "does not apply"},
		"operator":              {bucket(`"Condition":{"StringIs":{"s3:prefix":"a"}}`), "Invalid Condition type : StringIs"},
		"condition key":         {bucket(`"Condition":{"StringEquals":{"prefix":"a"}}`), "condition key"},
		"no value":              {bucket(`"Condition":{"StringEquals":{"s3:prefix":[]}}`), "condition key"},
		"number":                {bucket(`"Condition":{"NumericEquals":{"s3:max-keys":"x"}}`), "s3:max-keys"},
		"address":               {bucket(`"Condition":{"IpAddress":{"aws:SourceIp":"x"}}`), "aws:SourceIp"},
		"too long":              {`{"Id":"` + strings.Repeat("x", policy.MaxBytes) + `"}`, "at most"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := policy.ParseBucket([]byte(c.document), "b")
			var malformed *policy.Error
			if !errors.As(err, &malformed) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"everything":       `{"Statement":{"Effect":"Allow","Action":["admin:*","kms:*","s3:*"],"Resource":"arn:aws:s3:::*"}}`,
		"without resource": `{"Statement":{"Effect":"Allow","Action":"admin:ServerInfo"}}`,
		"a plain star":     `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
	} {
		d, err := policy.ParseIdentity([]byte(document))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := d.Evaluate(&policy.Request{User: "bob", Action: "admin:ServerInfo"}); got != policy.Allowed {
			t.Errorf("%s: verdict %d", name, got)
		}
	}
	for name, document := range map[string]string{
		"a principal":      `{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::*"}}`,
		"without resource": `{"Statement":{"Effect":"Allow","Action":["admin:*","s3:*"]}}`,
	} {
		if _, err := policy.ParseIdentity([]byte(document)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestPublic(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statement string
		want      bool
	}{
		"everybody":                {``, true},
		"a user":                   {`"Principal":{"AWS":"bob"}`, false},
		"a denial":                 {`"Effect":"Deny"`, false},
		"all but one":              {`"NotPrincipal":{"AWS":"bob"}`, true},
		"from an address":          {`"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, false},
		"from every address":       {`"Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}`, true},
		"if there is an address":   {`"Condition":{"IpAddressIfExists":{"aws:SourceIp":"10.0.0.0/8"}}`, true},
		"for a user agent":         {`"Condition":{"StringEquals":{"aws:UserAgent":"x"}}`, true},
		"for every user by a star": {`"Condition":{"StringLike":{"aws:username":"*"}}`, true},
	} {
		d, err := policy.ParseBucket([]byte(`{"Statement":`+statement(c.statement)+`}`), "b")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := d.Public(); got != c.want {
			t.Errorf("%s: public %v", name, got)
		}
	}
}

// FuzzParse: no document panics, and what is parsed can be evaluated.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"Version":"2012-10-17","Statement":[` + statement(`"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"ForAnyValue:StringLike":{"s3:prefix":["a*"]}}`) + `]}`))
	f.Add([]byte(`{"Statement":` + statement(`"Resource":"arn:aws:s3:::b/${aws:username, 'x'}*?${"`) + `}`))
	f.Add([]byte(`{"Statement":[null]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		r := with(get("bob/k"), "aws:username", "bob", "aws:sourceip", "10.0.0.1", "s3:prefix", "a")
		if d, err := policy.ParseBucket(document, "b"); err == nil {
			d.Evaluate(&r)
			d.Public()
		}
		if d, err := policy.ParseIdentity(document); err == nil {
			d.Evaluate(&r)
		}
	})
}
