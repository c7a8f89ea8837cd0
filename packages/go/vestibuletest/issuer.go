// Package vestibuletest makes tokens for the tests of a service, without a gateway.
package vestibuletest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	vestibule "github.com/vestibule-auth/vestibule/packages/go"
)

// Issuer makes tokens as a gateway does, and serves its key.
type Issuer struct {
	// Options are those with which a guard accepts this issuer's tokens.
	Options vestibule.Options
	key     *ecdsa.PrivateKey
}

const kid = "test"

// NewIssuer starts an issuer that ends with the test.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	point, encode := public.Bytes(), base64.RawURLEncoding.EncodeToString
	jwks := map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, "x": encode(point[1:33]), "y": encode(point[33:]),
	}}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jwks)
	}))
	t.Cleanup(server.Close)
	return &Issuer{
		Options: vestibule.Options{Issuer: server.URL, Audience: server.URL, Context: t.Context()},
		key:     key,
	}
}

// Token makes a token of a user who is logged in and may do everything that a user may: verified address, scope "api", no role. The
// claims that are given replace these.
func (i *Issuer) Token(t testing.TB, claims map[string]any) string {
	t.Helper()
	now := time.Now().Unix()
	all := jwt.MapClaims{
		"iss": i.Options.Issuer, "aud": i.Options.Audience, "sub": rand.Text(), "sid": rand.Text(), "jti": rand.Text(),
		"iat": now, "nbf": now, "exp": now + 600, "auth_time": now, "amr": []string{"pwd"}, "acr": "aal1", "idp": "ory",
		"client_id": "vestibule", "scope": "api", "email": "ada@example.test", "email_verified": true, "name": "Ada Lovelace",
	}
	for name, value := range claims {
		all[name] = value
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, all)
	token.Header["typ"], token.Header["kid"] = "at+jwt", kid
	signed, err := token.SignedString(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
