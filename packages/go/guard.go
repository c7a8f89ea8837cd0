package vestibule

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maximumLength = 8192
	// A segment in base64url in its one spelling (RFC 7515 section 2): without padding, and no bits behind the last byte.
	segment = `(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048]|[\w-]{4})`
)

var compactForm = regexp.MustCompile(`^` + segment + `\.` + segment + `\.` + segment + `$`)

// Options are what a service knows of the gateway whose tokens it accepts.
type Options struct {
	// Issuer is the gateway's PUBLIC_URL.
	Issuer string
	// Audience is the gateway's TOKEN_AUDIENCE; unless it is set there, PUBLIC_URL too.
	Audience string
	// JWKSURI is where the keys are read. Default: /.well-known/jwks.json of the issuer.
	JWKSURI string
	// Cooldown is the time in which unknown key ids cause two readings of the keys at most, and the least time between two exchanges of an
	// API key that the gateway refused. Default: 30 s.
	Cooldown time.Duration
	// ClockTolerance is by how much this clock and the gateway's may differ, at most a minute. Default: 30 s.
	ClockTolerance time.Duration
	// Remembered is how many verified tokens, and tokens of API keys, are remembered, so that they aren't verified again. Default: 10,000.
	Remembered int
	// Revocations, if set, refuses tokens whose session has ended, whose user was changed or whose key was revoked, within a second.
	Revocations *Revocations
	// APIKeys accepts API keys too, in X-API-Key or as bearers. Each is exchanged at the gateway for a token, which is remembered.
	APIKeys bool
	// DPoP takes tokens that are bound to a key too, with a proof for each request (RFC 9449): the URL under which clients reach this
	// service, https://api.example.org. Without it they are refused. The gateway issues such tokens for the audiences of its DPOP_AUDIENCES.
	DPoP string
	// OnRefused is told of each refusal, for your log: its Reason states why. It may be nil.
	OnRefused func(*Error)
	// Context ends what the guard reads from the gateway when it is done, as Close does. Default: never.
	Context context.Context
}

// Guard verifies the tokens of one gateway.
type Guard struct {
	options Options
	parser  *jwt.Parser
	keys    *keySet
	// Nil unless the guard subscribes.
	revocations *subscription
	// Nil unless API keys are accepted.
	apiKeys *apiKeys
	// Nil unless tokens that are bound to a key are accepted.
	proofs *proofs
	close  context.CancelFunc

	mutex      sync.RWMutex
	remembered map[string]verified
}

type verified struct {
	claims *Claims
	// The key that signed it.
	kid string
}

// New makes a guard. Nothing is read before the first token. It returns an error for options that can't be.
func New(options Options) (*Guard, error) {
	issuer, err := url.Parse(options.Issuer)
	if err != nil || !strings.HasPrefix(issuer.Scheme, "http") || issuer.Host == "" || issuer.User != nil ||
		strings.Trim(issuer.Path, "/") != "" || issuer.RawQuery != "" || issuer.Fragment != "" {
		return nil, errors.New("vestibule: Issuer: set the gateway's PUBLIC_URL, for example https://auth.example.org")
	}
	if options.Audience == "" {
		return nil, errors.New("vestibule: Audience: set the gateway's TOKEN_AUDIENCE, or its PUBLIC_URL if that isn't set")
	}
	if options.ClockTolerance < 0 || options.ClockTolerance > time.Minute || options.Cooldown < 0 || options.Remembered < 0 {
		return nil, errors.New("vestibule: ClockTolerance is at most a minute, and nothing is negative")
	}
	options.Issuer = issuer.Scheme + "://" + issuer.Host
	if options.JWKSURI == "" {
		options.JWKSURI = options.Issuer + "/.well-known/jwks.json"
	}
	jwks, err := url.Parse(options.JWKSURI)
	if err != nil {
		return nil, fmt.Errorf("vestibule: JWKSURI: %w", err)
	}
	if options.Cooldown == 0 {
		options.Cooldown = 30 * time.Second
	}
	if options.ClockTolerance == 0 {
		options.ClockTolerance = 30 * time.Second
	}
	if options.Remembered == 0 {
		options.Remembered = 10_000
	}
	if options.Context == nil {
		options.Context = context.Background()
	}
	proofs, err := newProofs(options.DPoP)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(options.Context)
	g := &Guard{
		options:    options,
		proofs:     proofs,
		close:      cancel,
		keys:       &keySet{ctx: ctx, uri: options.JWKSURI, cooldown: options.Cooldown},
		remembered: make(map[string]verified),
		parser: jwt.NewParser(
			jwt.WithValidMethods(algorithms),
			jwt.WithIssuer(options.Issuer),
			jwt.WithAudience(options.Audience),
			jwt.WithExpirationRequired(),
			jwt.WithLeeway(options.ClockTolerance),
			jwt.WithStrictDecoding(),
		),
	}
	// Where the keys are read, everything else of the gateway is too.
	if options.Revocations != nil {
		settings, err := options.Revocations.withDefaults()
		if err != nil {
			cancel()
			return nil, err
		}
		stream := jwks.ResolveReference(&url.URL{Path: "/auth/revocations/stream"}).String()
		g.revocations = newSubscription(ctx, settings, stream, options.ClockTolerance, g.readMessage)
	}
	if options.APIKeys {
		g.apiKeys = newAPIKeys(ctx, jwks.ResolveReference(&url.URL{Path: "/auth/token"}).String(), options, g.claimsOf)
	}
	return g, nil
}

// Close ends the connection over which revocations come, and the reading of keys. The guard isn't used after it.
func (g *Guard) Close() { g.close() }

type contextKey struct{}

// Protect calls a handler only for callers with a live token that meets the requirements; others are answered at once. In the handler,
// [ClaimsOf] states who calls.
func (g *Guard) Protect(next http.Handler, requirements ...Requirement) http.Handler {
	required := newRequired(requirements)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, refusal := g.callerOf(r)
		if refusal = g.decide(claims, refusal, required); refusal != nil {
			refusal.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, claims)))
	})
}

// ClaimsOf returns the claims of the caller of a protected handler, and nil elsewhere.
func ClaimsOf(r *http.Request) *Claims {
	claims, _ := r.Context().Value(contextKey{}).(*Claims)
	return claims
}

// Verify returns the claims of a live token, or of an API key if these are accepted, that meets the requirements. Its error is an
// [*Error].
func (g *Guard) Verify(ctx context.Context, token string, requirements ...Requirement) (*Claims, error) {
	claims, refusal := g.claimsOfBearer(ctx, token)
	if refusal = g.decide(claims, refusal, newRequired(requirements)); refusal != nil {
		return nil, refusal
	}
	return claims, nil
}

// callerOf returns the claims of whoever sent a request.
func (g *Guard) callerOf(r *http.Request) (*Claims, *Error) {
	authorization := r.Header.Values("Authorization")
	if sent := r.Header.Values(apiKeyHeader); g.apiKeys != nil && len(sent) > 0 {
		if len(sent) > 1 || len(authorization) > 0 {
			return nil, twoCredentials()
		}
		return g.claimsOfKey(r.Context(), sent[0])
	}
	if len(authorization) == 0 {
		return g.claimsOfBearer(r.Context(), "")
	}
	if len(authorization) == 1 {
		scheme, credential, _ := strings.Cut(authorization[0], " ")
		credential = strings.Trim(credential, " ")
		if g.proofs != nil && strings.EqualFold(scheme, "DPoP") {
			return g.claimsOfBound(r, credential)
		}
		if strings.EqualFold(scheme, "Bearer") && credential != "" {
			return g.claimsOfBearer(r.Context(), credential)
		}
	}
	return nil, g.unauthenticated("token_malformed", nil)
}

// claimsOfBearer returns the claims of a token that is good by itself, or of an API key.
func (g *Guard) claimsOfBearer(ctx context.Context, token string) (*Claims, *Error) {
	if g.apiKeys != nil && strings.HasPrefix(token, apiKeyPrefix) {
		return g.claimsOfKey(ctx, token)
	}
	claims, refusal := g.liveClaimsOf(ctx, token)
	if refusal == nil && claims.Confirmation != nil {
		return nil, g.unproven("proof_missing")
	}
	return claims, refusal
}

// claimsOfBound returns the claims of a token that is bound to a key, if its request has the proof. Another guard may have verified it.
func (g *Guard) claimsOfBound(r *http.Request, token string) (*Claims, *Error) {
	claims, refusal := g.liveClaimsOf(r.Context(), token)
	if refusal != nil {
		return nil, refusal
	}
	if claims.Confirmation == nil {
		return nil, g.unproven("token_not_bound")
	}
	if known := ClaimsOf(r); known != nil && known.Confirmation != nil && known.ID == claims.ID {
		return claims, nil
	}
	if reason := g.proofs.reasonAgainst(r, token, claims.Confirmation.Thumbprint, time.Now()); reason != "" {
		return nil, g.unproven(reason)
	}
	return claims, nil
}

// liveClaimsOf returns the claims of a token that hasn't ended.
func (g *Guard) liveClaimsOf(ctx context.Context, token string) (*Claims, *Error) {
	claims, refusal := g.claimsOf(ctx, token)
	if refusal == nil {
		refusal = g.refusalAgainst(ctx, claims)
	}
	return claims, refusal
}

// decide refuses a caller who doesn't meet the requirement, unless something was refused before.
func (g *Guard) decide(claims *Claims, refusal *Error, required *required) *Error {
	if refusal == nil {
		refusal = required.authorize(claims, time.Now(), g.options.Issuer)
	}
	if refusal != nil && g.options.OnRefused != nil {
		g.options.OnRefused(refusal)
	}
	return refusal
}

// refusalAgainst refuses the claims of a token that has ended before its time, and every token while that isn't known, if so set.
func (g *Guard) refusalAgainst(ctx context.Context, claims *Claims) *Error {
	if g.revocations == nil {
		return nil
	}
	g.revocations.wait(ctx)
	if g.revocations.WhenLost == "refuse" && g.revocations.isLost() {
		return &Error{Status: http.StatusServiceUnavailable, Code: "revocations_unknown", Reason: "revocations_lost"}
	}
	if reason := g.revocations.list.reasonAgainst(claims); reason != "" {
		return g.unauthenticated(reason, nil)
	}
	return nil
}

// claimsOf returns the claims of a live token, from memory if it was verified before.
func (g *Guard) claimsOf(ctx context.Context, token string) (*Claims, *Error) {
	if token == "" {
		return nil, g.unauthenticated("token_missing", nil)
	}
	if len(token) > maximumLength || !compactForm.MatchString(token) {
		return nil, g.unauthenticated("token_malformed", nil)
	}
	keys, err := g.keys.get()
	if err != nil {
		return nil, g.refusalOf(err)
	}
	g.mutex.RLock()
	known, isKnown := g.remembered[token]
	g.mutex.RUnlock()
	if isKnown && time.Now().Before(known.claims.ExpiresAt.Add(g.options.ClockTolerance)) && keys.has(ctx, known.kid) {
		return known.claims.clone(), nil
	}
	claims := &Claims{}
	kid, err := keys.parse(ctx, g.parser, token, "at+jwt", claims)
	if err != nil {
		return nil, g.refusalOf(err)
	}
	g.remember(token, verified{claims.clone(), kid})
	return claims, nil
}

func (g *Guard) remember(token string, v verified) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	makeRoom(g.remembered, g.options.Remembered)
	g.remembered[token] = v
}
