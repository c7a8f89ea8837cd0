package vestibule

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

const (
	longestProof = 8192
	longestID    = 200
	// By which the time of a proof may differ from this clock.
	proofTolerance = time.Minute
	// How long a proof may be good: it may be made that much ahead, and sent that much later.
	proofLife = 2 * proofTolerance
	// More than a service can be sent in that time by clients that have good tokens.
	mostProofs = 100_000
)

var (
	proofAlgorithms = []string{"ES256", "ES384", "ES512", "EdDSA", "PS256", "RS256"}
	// Members of a key that only its owner may know (RFC 7518 section 6).
	privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
	errProofForm   = errors.New("the header of a proof that can't be")
)

// proofs verifies that who sends a token has the key that it is bound to (DPoP, RFC 9449 section 4.3).
type proofs struct {
	base   string
	parser *jwt.Parser

	mutex sync.Mutex
	// Those that were used in the last minutes, and before.
	used, usedBefore map[string]struct{}
	begunAt          time.Time
}

// newProofs returns what verifies the proofs for a service at a URL; nil for an empty one.
func newProofs(text string) (*proofs, error) {
	if text == "" {
		return nil, nil
	}
	base, err := url.Parse(text)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.User != nil ||
		base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("vestibule: DPoP: set the URL under which clients reach this service, https://api.example.org")
	}
	return &proofs{
		base:   base.Scheme + "://" + base.Host + strings.TrimSuffix(base.EscapedPath(), "/"),
		parser: jwt.NewParser(jwt.WithValidMethods(proofAlgorithms), jwt.WithStrictDecoding()),
	}, nil
}

type proofClaims struct {
	jwt.RegisteredClaims
	// The library's own takes texts too.
	MadeAt  *float64 `json:"iat"`
	Method  string   `json:"htm"`
	Address string   `json:"htu"`
	Digest  string   `json:"ath"`
}

// reasonAgainst verifies a request's proof of a token's key. It returns why it isn't accepted; empty if it is. A proof is good once.
func (p *proofs) reasonAgainst(r *http.Request, token, thumbprint string, now time.Time) string {
	sent := r.Header.Values("DPoP")
	if len(sent) == 0 {
		return "proof_missing"
	}
	if len(sent) > 1 || len(sent[0]) > longestProof {
		return "proof_malformed"
	}
	claims, key := &proofClaims{}, ""
	if _, err := p.parser.ParseWithClaims(sent[0], claims, func(parsed *jwt.Token) (any, error) {
		public, proven, err := keyOf(parsed.Header)
		key = proven
		return public, err
	}); err != nil {
		return "proof_malformed"
	}
	if key != thumbprint {
		return "proof_of_other_key"
	}
	if claims.Digest != digestOf(token) {
		return "proof_of_other_token"
	}
	address := addressOf(claims.Address)
	if claims.Method != r.Method || address == "" || address != addressOf(p.base+pathOf(r)) {
		return "proof_of_other_request"
	}
	if claims.MadeAt == nil || math.Abs(float64(now.Unix())-*claims.MadeAt) > proofTolerance.Seconds() {
		return "proof_too_old"
	}
	if claims.ID == "" || len(claims.ID) > longestID {
		return "proof_malformed"
	}
	if !p.use(key+" "+claims.ID, now) {
		return "proof_used"
	}
	return ""
}

// use notes that a proof was used. It returns whether it was so for the first time.
func (p *proofs) use(id string, now time.Time) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.used == nil || now.Sub(p.begunAt) > proofLife || len(p.used) >= mostProofs {
		p.used, p.usedBefore, p.begunAt = make(map[string]struct{}), p.used, now
	}
	_, isUsed := p.used[id]
	_, wasUsed := p.usedBefore[id]
	p.used[id] = struct{}{}
	return !isUsed && !wasUsed
}

// keyOf returns the key in a proof's header, and its thumbprint (RFC 7638).
func keyOf(header map[string]any) (any, string, error) {
	jwk, isObject := header["jwk"].(map[string]any)
	_, hasCritical := header["crit"]
	if header["typ"] != "dpop+jwt" || !isObject || hasCritical {
		return nil, "", errProofForm
	}
	for _, name := range privateMembers {
		if _, isThere := jwk[name]; isThere {
			return nil, "", errProofForm
		}
	}
	text := func(name string) string {
		value, _ := jwk[name].(string)
		return value
	}
	public := jwkset.JWKMarshal{KTY: jwkset.KTY(text("kty")), CRV: jwkset.CRV(text("crv")), X: text("x"), Y: text("y"), N: text("n"), E: text("e")}
	key, err := jwkset.NewJWKFromMarshal(public, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return nil, "", err
	}
	required := map[jwkset.KTY][]string{jwkset.KtyEC: {"crv", "kty", "x", "y"}, jwkset.KtyOKP: {"crv", "kty", "x"}, jwkset.KtyRSA: {"e", "kty", "n"}}
	members := make(map[string]string)
	for _, name := range required[public.KTY] {
		members[name] = text(name)
	}
	// Texts alone: it can't fail, and it sorts them as the thumbprint needs it.
	canonical, err := json.Marshal(members)
	return key.Key(), digestOf(string(canonical)), err
}

// addressOf returns a URL without query and fragment, in one spelling; empty for what is none.
func addressOf(text string) string {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" {
		return ""
	}
	port := map[string]string{"http": ":80", "https": ":443"}[parsed.Scheme]
	path := parsed.EscapedPath()
	if path == "" {
		path = "/"
	}
	return parsed.Scheme + "://" + strings.TrimSuffix(strings.ToLower(parsed.Host), port) + path
}

// pathOf returns the path that came, also where a router has taken a part of it away.
func pathOf(r *http.Request) string {
	if came, err := url.ParseRequestURI(r.RequestURI); err == nil {
		return came.EscapedPath()
	}
	return r.URL.EscapedPath()
}

// digestOf returns the SHA-256 of a text, in base64url.
func digestOf(text string) string {
	digest := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// unproven refuses a token whose key isn't proven.
func (g *Guard) unproven(reason string) *Error {
	refusal := g.unauthenticated(reason, nil)
	refusal.Challenge = fmt.Sprintf(`DPoP error="invalid_dpop_proof", algs="%s"`, strings.Join(proofAlgorithms, " "))
	return refusal
}
