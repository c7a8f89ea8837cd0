package vestibule

import (
	"encoding/json"
	"net/http"
)

// Error is a request that is refused: its status, headers and body are a complete answer (RFC 6750, RFC 9457, RFC 9470).
type Error struct {
	// Status is 401, 403, or 503 while the gateway's keys can't be read.
	Status int
	// Code is stable: unauthenticated, reauthentication_required, forbidden, email_unverified, insufficient_scope or keys_unavailable.
	Code string
	// Reason is why, for your log. Don't send it: it helps an attacker.
	Reason string
	// Detail is one sentence for the caller; it may be empty.
	Detail string
	// Challenge is the header WWW-Authenticate; it may be empty.
	Challenge string
	// LoginURL is where a browser can meet the requirement; it may be empty.
	LoginURL string
	// Cause is what the library reported; it may be nil.
	Cause error
}

var titles = map[string]string{
	"unauthenticated":           "Log in first",
	"reauthentication_required": "Log in again for this",
	"forbidden":                 "Not allowed",
	"email_unverified":          "Verify your e-mail address first",
	"insufficient_scope":        "The token or API key does not cover this",
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
		header.Set("Retry-After", "1")
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

func forbidden(reason, detail string) *Error {
	return &Error{Status: http.StatusForbidden, Code: "forbidden", Reason: reason, Detail: detail}
}
