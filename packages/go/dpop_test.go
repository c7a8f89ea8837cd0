package vestibule_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	vestibule "github.com/vestibule-auth/vestibule/packages/go"
	"github.com/vestibule-auth/vestibule/packages/go/vestibuletest"
)

type clientKey struct {
	method  jwt.SigningMethod
	private crypto.Signer
	jwk     map[string]any
}

func encoded(bytes []byte) string { return base64.RawURLEncoding.EncodeToString(bytes) }

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return encoded(sum[:])
}

func newClientKey(t *testing.T, method jwt.SigningMethod) clientKey {
	t.Helper()
	var private crypto.Signer
	var err error
	jwk := map[string]any{}
	switch method := method.(type) {
	case *jwt.SigningMethodECDSA:
		curve := map[int]elliptic.Curve{256: elliptic.P256(), 384: elliptic.P384(), 521: elliptic.P521()}[method.CurveBits]
		var key *ecdsa.PrivateKey
		if key, err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
		public, err := key.PublicKey.ECDH()
		if err != nil {
			t.Fatal(err)
		}
		point := public.Bytes()[1:]
		half := len(point) / 2
		jwk = map[string]any{"kty": "EC", "crv": curve.Params().Name, "x": encoded(point[:half]), "y": encoded(point[half:])}
		private = key
	case *jwt.SigningMethodEd25519:
		var public ed25519.PublicKey
		var key ed25519.PrivateKey
		public, key, err = ed25519.GenerateKey(rand.Reader)
		jwk, private = map[string]any{"kty": "OKP", "crv": "Ed25519", "x": encoded(public)}, key
	default:
		var key *rsa.PrivateKey
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			t.Fatal(err)
		}
		jwk = map[string]any{"kty": "RSA", "n": encoded(key.N.Bytes()), "e": encoded(big.NewInt(int64(key.E)).Bytes())}
		private = key
	}
	if err != nil {
		t.Fatal(err)
	}
	return clientKey{method, private, jwk}
}

func (k clientKey) thumbprint() string {
	canonical, _ := json.Marshal(k.jwk)
	return digest(canonical)
}

const serviceURL = "https://api.example.test/v1"

// proof makes a proof for a GET of /v1/notes. The changes replace claims, and with the prefix "header:" members of its header.
func (k clientKey) proof(t *testing.T, token string, changes map[string]any) string {
	t.Helper()
	parts := jwt.NewWithClaims(k.method, jwt.MapClaims{
		"jti": rand.Text(), "htm": "GET", "htu": serviceURL + "/notes", "iat": time.Now().Unix(), "ath": digest([]byte(token)),
	})
	parts.Header["typ"], parts.Header["jwk"] = "dpop+jwt", k.jwk
	for name, value := range changes {
		target, claims := parts.Header, parts.Claims.(jwt.MapClaims)
		member, isOfHeader := strings.CutPrefix(name, "header:")
		if !isOfHeader {
			target = claims
		}
		target[member] = value
		if value == nil {
			delete(target, member)
		}
	}
	signed, err := parts.SignedString(k.private)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// requestWith makes the request that a service gets whose proxy takes its own prefix, /v1, away.
func requestWith(proof, authorization string) *http.Request {
	request := httptest.NewRequest(http.MethodGet, "/notes?page=2", nil)
	request.Header.Set("Authorization", authorization)
	if proof != "" {
		request.Header.Set("DPoP", proof)
	}
	return request
}

// verdict returns the reason of a refusal, and "admitted" if there is none.
func verdict(t *testing.T, options vestibule.Options) func(*http.Request) string {
	t.Helper()
	var mutex sync.Mutex
	reasons := map[string]string{}
	options.OnRefused = func(refusal *vestibule.Error) {
		mutex.Lock()
		defer mutex.Unlock()
		reasons[refusal.Challenge] = refusal.Reason
	}
	handler := newGuard(t, options).Protect(hello)
	return func(request *http.Request) string {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code == http.StatusOK {
			return "admitted"
		}
		mutex.Lock()
		defer mutex.Unlock()
		return reasons[answer.Header().Get("WWW-Authenticate")]
	}
}

func TestProofs(t *testing.T) {
	issuer := vestibuletest.NewIssuer(t)
	plain := issuer.Options
	options := plain
	options.DPoP = serviceURL + "/"
	judge := verdict(t, options)
	key, other := newClientKey(t, jwt.SigningMethodES256), newClientKey(t, jwt.SigningMethodES256)
	bound := func(k clientKey) string {
		return issuer.Token(t, map[string]any{"cnf": map[string]any{"jkt": k.thumbprint()}})
	}
	token := bound(key)

	t.Run("algorithms", func(t *testing.T) {
		for _, method := range []jwt.SigningMethod{
			jwt.SigningMethodES256, jwt.SigningMethodES384, jwt.SigningMethodES512, jwt.SigningMethodEdDSA, jwt.SigningMethodPS256, jwt.SigningMethodRS256,
		} {
			by := newClientKey(t, method)
			token := bound(by)
			if got := judge(requestWith(by.proof(t, token, nil), "DPoP "+token)); got != "admitted" {
				t.Errorf("%s: %s", method.Alg(), got)
			}
		}
	})

	private := maps.Clone(key.jwk)
	private["d"] = "AAAA"
	for name, test := range map[string]struct {
		proof  string
		reason string
	}{
		"none":                {"", "proof_missing"},
		"no JWT":              {"x", "proof_malformed"},
		"too long":            {strings.Repeat("x", 9000), "proof_malformed"},
		"another method":      {key.proof(t, token, map[string]any{"htm": "POST"}), "proof_of_other_request"},
		"another path":        {key.proof(t, token, map[string]any{"htu": serviceURL + "/notes/1"}), "proof_of_other_request"},
		"another host":        {key.proof(t, token, map[string]any{"htu": "http://10.0.0.7:8080/notes"}), "proof_of_other_request"},
		"no URL":              {key.proof(t, token, map[string]any{"htu": nil}), "proof_of_other_request"},
		"what is no URL":      {key.proof(t, token, map[string]any{"htu": "/v1/notes"}), "proof_of_other_request"},
		"another token":       {key.proof(t, token, map[string]any{"ath": "x"}), "proof_of_other_token"},
		"no token":            {key.proof(t, token, map[string]any{"ath": nil}), "proof_of_other_token"},
		"a time that is past": {key.proof(t, token, map[string]any{"iat": 1}), "proof_too_old"},
		"a time to come":      {key.proof(t, token, map[string]any{"iat": 99_999_999_999}), "proof_too_old"},
		"no time":             {key.proof(t, token, map[string]any{"iat": nil}), "proof_too_old"},
		"a text for a time":   {key.proof(t, token, map[string]any{"iat": "1"}), "proof_malformed"},
		"an end that is past": {key.proof(t, token, map[string]any{"exp": 1}), "proof_malformed"},
		"no id":               {key.proof(t, token, map[string]any{"jti": nil}), "proof_malformed"},
		"a number for an id":  {key.proof(t, token, map[string]any{"jti": 1}), "proof_malformed"},
		"too long an id":      {key.proof(t, token, map[string]any{"jti": strings.Repeat("x", 201)}), "proof_malformed"},
		"another type":        {key.proof(t, token, map[string]any{"header:typ": "JWT"}), "proof_malformed"},
		"what is critical":    {key.proof(t, token, map[string]any{"header:crit": []string{"x"}}), "proof_malformed"},
		"no key":              {key.proof(t, token, map[string]any{"header:jwk": nil}), "proof_malformed"},
		"a symmetric key":     {key.proof(t, token, map[string]any{"header:jwk": map[string]any{"kty": "oct", "k": "AAAA"}}), "proof_malformed"},
		"a private key":       {key.proof(t, token, map[string]any{"header:jwk": private}), "proof_malformed"},
		"another key":         {other.proof(t, token, nil), "proof_of_other_key"},
		"a forged signature":  {other.proof(t, token, map[string]any{"header:jwk": key.jwk}), "proof_malformed"},
		"a good one":          {key.proof(t, token, nil), "admitted"},
		"another spelling":    {key.proof(t, token, map[string]any{"htu": "HTTPS://API.Example.test:443/v1/notes?page=3#top"}), "admitted"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := judge(requestWith(test.proof, "DPoP "+token)); got != test.reason {
				t.Fatalf("got %s, want %s", got, test.reason)
			}
		})
	}

	t.Run("a proof is good once, of requests at the same time too", func(t *testing.T) {
		proof := key.proof(t, token, nil)
		counts := map[string]int{}
		var mutex sync.Mutex
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				got := judge(requestWith(proof, "DPoP "+token))
				mutex.Lock()
				defer mutex.Unlock()
				counts[got]++
			})
		}
		group.Wait()
		if !maps.Equal(counts, map[string]int{"admitted": 1, "proof_used": 4}) {
			t.Fatal(counts)
		}
	})

	t.Run("two guards verify a request's proof once, also below a prefix", func(t *testing.T) {
		guard := newGuard(t, options)
		handler := guard.Protect(http.StripPrefix("/notes", guard.Protect(hello)))
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, requestWith(key.proof(t, token, nil), "DPoP "+token))
		inner := httptest.NewRecorder()
		http.StripPrefix("/notes", guard.Protect(hello)).ServeHTTP(inner, requestWith(key.proof(t, token, nil), "dpop  "+token))
		if answer.Code != http.StatusOK || inner.Code != http.StatusOK {
			t.Fatal(answer.Code, inner.Code)
		}
	})

	t.Run("a bound token is no bearer, and a bearer isn't bound", func(t *testing.T) {
		free := issuer.Token(t, nil)
		unaware := verdict(t, plain)
		twice := requestWith(key.proof(t, token, nil), "DPoP "+token)
		twice.Header.Add("DPoP", "x")
		for name, test := range map[string]struct {
			judge   func(*http.Request) string
			request *http.Request
			reason  string
		}{
			"a bound token as a bearer":         {judge, requestWith(key.proof(t, token, nil), "Bearer "+token), "proof_missing"},
			"a service that isn't set up":       {unaware, requestWith(key.proof(t, token, nil), "DPoP "+token), "token_malformed"},
			"a bearer at one that isn't set up": {unaware, requestWith("", "Bearer "+token), "proof_missing"},
			"a bearer as a bound token":         {judge, requestWith(key.proof(t, free, nil), "DPoP "+free), "token_not_bound"},
			"a bearer":                          {judge, requestWith("", "Bearer "+free), "admitted"},
			"two proofs":                        {judge, twice, "proof_malformed"},
			"no token":                          {judge, requestWith(key.proof(t, "", nil), "DPoP "), "token_missing"},
		} {
			if got := test.judge(test.request); got != test.reason {
				t.Errorf("%s: got %s, want %s", name, got, test.reason)
			}
		}
		if _, err := newGuard(t, options).Verify(t.Context(), token); err == nil || !strings.HasSuffix(err.Error(), "proof_missing") {
			t.Error(err)
		}
	})

	t.Run("a token that is bound to something else is refused", func(t *testing.T) {
		for _, cnf := range []any{nil, "x", map[string]any{"jkt": ""}, map[string]any{"jkt": 1}, map[string]any{"x5t#S256": "x"}} {
			sent := requestWith("", "Bearer "+issuer.Token(t, map[string]any{"cnf": cnf}))
			if got := judge(sent); got != "token_malformed" {
				t.Errorf("%v: %s", cnf, got)
			}
		}
	})

	t.Run("the challenge names the algorithms", func(t *testing.T) {
		answer := httptest.NewRecorder()
		newGuard(t, options).Protect(hello).ServeHTTP(answer, requestWith("", "DPoP "+token))
		const want = `DPoP error="invalid_dpop_proof", algs="ES256 ES384 ES512 EdDSA PS256 RS256"`
		if got := answer.Header().Get("WWW-Authenticate"); answer.Code != http.StatusUnauthorized || got != want {
			t.Fatal(answer.Code, got)
		}
	})

	t.Run("addresses that are none", func(t *testing.T) {
		for _, address := range []string{"api.example.test", "ftp://api.example.test", "https://api.example.test/?a", "https://a.test/#b", "https://u@a.test"} {
			options.DPoP = address
			if _, err := vestibule.New(options); err == nil {
				t.Error(address)
			}
		}
	})
}
