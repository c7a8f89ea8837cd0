package vestibule

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maximumLength = 8192
	scheme        = "Bearer "
)

// Options are what a service knows of the gateway whose tokens it accepts.
type Options struct {
	// Issuer is the gateway's PUBLIC_URL.
	Issuer string
	// Audience is the gateway's TOKEN_AUDIENCE; unless it is set there, PUBLIC_URL too.
	Audience string
	// JWKSURI is where the keys are read. Default: /.well-known/jwks.json of the issuer.
	JWKSURI string
	// Cooldown is the least time between two readings of the keys because of unknown key ids. Default: 30 s.
	Cooldown time.Duration
	// ClockTolerance is by how much this clock and the gateway's may differ, at most a minute. Default: 30 s.
	ClockTolerance time.Duration
	// Remembered is how many verified tokens are remembered, so that they aren't verified again. Default: 10,000.
	Remembered int
	// OnRefused is told of each refusal, for your log: its Reason states why. It may be nil.
	OnRefused func(*Error)
	// Context ends the reading of keys when it is done. Default: never.
	Context context.Context
}

// Guard verifies the tokens of one gateway.
type Guard struct {
	options Options
	parser  *jwt.Parser
	keys    *keySet

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
	return &Guard{
		options:    options,
		keys:       &keySet{ctx: options.Context, uri: options.JWKSURI, cooldown: options.Cooldown},
		remembered: make(map[string]verified),
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{"ES256", "EdDSA"}),
			jwt.WithIssuer(options.Issuer),
			jwt.WithAudience(options.Audience),
			jwt.WithExpirationRequired(),
			jwt.WithLeeway(options.ClockTolerance),
			jwt.WithStrictDecoding(),
		),
	}, nil
}

type contextKey struct{}

// Protect calls a handler only for callers with a live token that meets the requirements; others are answered at once. In the handler,
// [ClaimsOf] states who calls.
func (g *Guard) Protect(next http.Handler, requirements ...Requirement) http.Handler {
	required := newRequired(requirements)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, refusal := g.authenticate(r.Context(), r.Header.Values("Authorization"), required)
		if refusal != nil {
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

// Verify returns the claims of a live token that meets the requirements. Its error is an [*Error].
func (g *Guard) Verify(ctx context.Context, token string, requirements ...Requirement) (*Claims, error) {
	claims, refusal := g.verify(ctx, token, newRequired(requirements))
	if refusal != nil {
		return nil, refusal
	}
	return claims, nil
}

func (g *Guard) authenticate(ctx context.Context, authorization []string, required *required) (*Claims, *Error) {
	token := ""
	if len(authorization) > 0 {
		// Stands for credentials of another form.
		token = "."
		if sent := authorization[0]; len(authorization) == 1 && len(sent) > len(scheme) && strings.EqualFold(sent[:len(scheme)], scheme) {
			token = strings.Trim(sent[len(scheme):], " ")
		}
	}
	return g.verify(ctx, token, required)
}

func (g *Guard) verify(ctx context.Context, token string, required *required) (*Claims, *Error) {
	claims, refusal := g.claimsOf(ctx, token)
	if refusal == nil {
		refusal = required.authorize(claims, time.Now(), g.options.Issuer)
	}
	if refusal == nil {
		return claims, nil
	}
	if g.options.OnRefused != nil {
		g.options.OnRefused(refusal)
	}
	return nil, refusal
}

// claimsOf returns the claims of a live token, from memory if it was verified before.
func (g *Guard) claimsOf(ctx context.Context, token string) (*Claims, *Error) {
	if token == "" {
		return nil, g.unauthenticated("token_missing", nil)
	}
	if len(token) > maximumLength || strings.Count(token, ".") != 2 {
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
	// A caller who hangs up must not break off a reading of the keys that others need.
	parsed, err := g.parser.ParseWithClaims(token, claims, keys.Keyfunc.KeyfuncCtx(context.WithoutCancel(ctx)))
	if err != nil {
		return nil, g.refusalOf(err)
	}
	// Without a kid the library would try every key.
	kid, hasKid := parsed.Header["kid"].(string)
	_, hasCritical := parsed.Header["crit"]
	if !hasKid || hasCritical || parsed.Header["typ"] != "at+jwt" {
		return nil, g.unauthenticated("token_header", nil)
	}
	g.remember(token, verified{claims.clone(), kid})
	return claims, nil
}

func (g *Guard) remember(token string, v verified) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for other := range g.remembered {
		if len(g.remembered) < g.options.Remembered {
			break
		}
		delete(g.remembered, other)
	}
	g.remembered[token] = v
}

func (g *Guard) unauthenticated(reason string, cause error) *Error {
	challenge := `Bearer error="invalid_token"`
	if reason == "token_missing" {
		challenge = "Bearer"
	}
	return &Error{
		Status:    http.StatusUnauthorized,
		Code:      "unauthenticated",
		Reason:    reason,
		Challenge: challenge,
		LoginURL:  g.options.Issuer + "/auth/login",
		Cause:     cause,
	}
}

func (g *Guard) refusalOf(err error) *Error {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal
	}
	for _, known := range []struct {
		err    error
		reason string
	}{
		{jwt.ErrTokenExpired, "token_expired"},
		{jwt.ErrTokenNotValidYet, "token_claim_nbf"},
		{jwt.ErrTokenInvalidAudience, "token_claim_aud"},
		{jwt.ErrTokenInvalidIssuer, "token_claim_iss"},
		{jwt.ErrTokenUnverifiable, "token_key_unknown"},
		{jwt.ErrTokenSignatureInvalid, "token_signature"},
	} {
		if errors.Is(err, known.err) {
			return g.unauthenticated(known.reason, err)
		}
	}
	return g.unauthenticated("token_malformed", err)
}
