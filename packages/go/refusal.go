package vestibule

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Error is a request that is refused: its status, headers and body are a complete answer (RFC 6750, RFC 9457, RFC 9470).
type Error struct {
	// Status is 400, 401, 403, or 503 while the gateway can't be asked.
	Status int
	// Code is stable: malformed_request, unauthenticated, reauthentication_required, forbidden, email_unverified, insufficient_scope,
	// revocations_unknown or keys_unavailable.
	Code string
	// Reason is why, for your log. Don't send it: it helps an attacker.
	Reason string
	// Detail is one sentence for the caller; it may be empty.
	Detail string
	// Challenge is the header WWW-Authenticate; it may be empty.
	Challenge string
	// LoginURL is where a browser can meet the requirement; it may be empty.
	LoginURL string
	// RetryAfter is of a 503. Default: 1 s.
	RetryAfter time.Duration
	// Cause is what the library reported; it may be nil.
	Cause error
}

var titles = map[string]string{
	"malformed_request":         "The request could not be read",
	"unauthenticated":           "Log in first",
	"reauthentication_required": "Log in again for this",
	"forbidden":                 "Not allowed",
	"email_unverified":          "Verify your e-mail address first",
	"insufficient_scope":        "The token or API key does not cover this",
	"revocations_unknown":       "Tokens cannot be verified at the moment",
	"keys_unavailable":          "Tokens cannot be verified at the moment",
}

// Error states the code and the reason.
func (e *Error) Error() string { return "vestibule: " + e.Code + ": " + e.Reason }

// Unwrap returns what the library reported.
func (e *Error) Unwrap() error { return e.Cause }

// ServeHTTP answers a request with the refusal.
func (e *Error) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	if e.Challenge != "" {
		header.Set("WWW-Authenticate", e.Challenge)
	}
	if e.Status == http.StatusServiceUnavailable {
		header.Set("Retry-After", strconv.FormatFloat(math.Ceil(max(1, e.RetryAfter.Seconds())), 'f', 0, 64))
	}
	w.WriteHeader(e.Status)
	body := struct {
		Type     string `json:"type"`
		Title    string `json:"title"`
		Status   int    `json:"status"`
		Code     string `json:"code"`
		Detail   string `json:"detail,omitempty"`
		LoginURL string `json:"loginUrl,omitempty"`
	}{"about:blank", titles[e.Code], e.Status, e.Code, e.Detail, e.LoginURL}
	// The caller has gone if it can't be written.
	_ = json.NewEncoder(w).Encode(body)
}

func twoCredentials() *Error {
	return &Error{
		Status: http.StatusBadRequest,
		Code:   "malformed_request",
		Reason: "two_credentials",
		Detail: "Send one credential: Authorization or X-API-Key.",
	}
}

func forbidden(reason, detail string) *Error {
	return &Error{Status: http.StatusForbidden, Code: "forbidden", Reason: reason, Detail: detail}
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
	var refused errRefused
	if errors.As(err, &refused) {
		return g.unauthenticated(string(refused), nil)
	}
	for _, known := range []struct {
		err    error
		reason string
	}{
		{errHeader, "token_header"},
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
