package openid

import (
	"encoding/json"
	"unicode"
)

// maxSubject is the bound of OpenID Connect Core 1.0, section 2.
const maxSubject = 255

func isControl(r rune) bool { return unicode.IsControl(r) }

// policyClaims are the claims that policies may ask for, which are those of MinIO:
// the standard ones (OpenID Connect Core 1.0, section 5.1; RFC 7519) and groups.
func policyClaims() []string {
	return []string{
		"sub", "iss", "aud", "jti", "azp", "upn", "name", "groups", "given_name", "family_name", "middle_name", "nickname",
		"preferred_username", "profile", "picture", "website", "email", "gender", "birthdate", "phone_number", "address", "scope",
		"client_id",
	}
}

// conditionClaims are those of a token.
func conditionClaims(claims map[string]json.RawMessage) map[string][]string {
	out := make(map[string][]string)
	for _, name := range policyClaims() {
		if values := texts(claims[name]); len(values) > 0 {
			out[name] = values
		}
	}
	return out
}

// texts are the values of a claim that is a text or a list of them; none of any
// other.
func texts(raw json.RawMessage) []string {
	if len(raw) == 0 {
		return nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		if one == "" {
			return nil
		}
		return []string{one}
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	return nil
}
