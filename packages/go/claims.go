package vestibule

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims are those of a verified token (RFC 9068). Times are seconds since the epoch.
type Claims struct {
	// Issuer, Subject (id of the user), Audience, ID (of this token) and the times.
	jwt.RegisteredClaims
	// SubjectProfile is "service" for a service account: of an organisation's API key, a service client or a machine. It is empty for people.
	SubjectProfile string `json:"sub_profile,omitempty"`
	// SessionID is the id of the session, or of the API key that the token came from.
	SessionID string `json:"sid"`
	// AuthTime is when the user last gave credentials; 0 if the provider doesn't state it.
	AuthTime int64 `json:"auth_time"`
	// Methods are how the user authenticated (RFC 8176).
	Methods []string `json:"amr"`
	// Level is "aal2" if a second factor was given.
	Level string `json:"acr,omitempty"`
	// Roles has "admin" for administrators of the deployment.
	Roles []string `json:"roles,omitempty"`
	// Actor is who acts for the subject (RFC 8693, section 4.1).
	Actor *Actor `json:"act,omitempty"`
	// Org is the active organisation.
	Org *Org `json:"org,omitempty"`
	// RequiredFactor is a second factor that a policy requires, and that the user hasn't given.
	RequiredFactor *RequiredFactor `json:"second_factor,omitempty"`
	// Provider is the kind of provider that logged the user in.
	Provider string `json:"idp"`
	// ProviderSubject is the user's id there; empty in tokens that are of no session.
	ProviderSubject string `json:"idp_sub,omitempty"`
	// ClientID is the OAuth client through which the user logged in.
	ClientID string `json:"client_id"`
	// Scope has scopes, separated by spaces.
	Scope string `json:"scope"`
	// Email is empty for service accounts, and for users whose provider states none.
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified"`
	Name          string `json:"name,omitempty"`
	Picture       string `json:"picture,omitempty"`
	// Confirmation is the key that the token is bound to (RFC 7800); nil for a token that is good by itself.
	Confirmation *Confirmation `json:"cnf,omitempty"`
	// Every claim as the token has it; what is written as JSON. Nothing changes it.
	all map[string]json.RawMessage
}

// Own returns a claim as the token has it, one of the deployment's own for example; nil if the token hasn't got it.
func (c *Claims) Own(name string) json.RawMessage { return slices.Clone(c.all[name]) }

// RequiredFactor is a second factor that a policy requires of a user who hasn't given one.
type RequiredFactor struct {
	// Due is from when on it is required.
	Due int64 `json:"due"`
	// Missing is, from then on, what the token lacks for it: everything ("session"), the roles ("role"), the active organisation ("org").
	Missing []string `json:"missing,omitempty"`
	// Org is the organisation that the user would act for, without a role.
	Org *Org `json:"org,omitempty"`
}

// lacksFactor is whether the token lacks something for a second factor.
func (c *Claims) lacksFactor(what string) bool {
	return c.RequiredFactor != nil && slices.Contains(c.RequiredFactor.Missing, what)
}

// Confirmation is the key without whose proof a token isn't accepted (DPoP, RFC 9449).
type Confirmation struct {
	// Thumbprint is that of the key (RFC 7638).
	Thumbprint string `json:"jkt"`
}

// Actor acts for a subject.
type Actor struct {
	Subject string `json:"sub"`
	// SessionID is the id of its session, or of its API key.
	SessionID string `json:"sid,omitempty"`
	// ID is that of its token.
	ID string `json:"jti,omitempty"`
	// Actor is who acted before it.
	Actor *Actor `json:"act,omitempty"`
}

func (a *Actor) clone() *Actor {
	if a == nil {
		return nil
	}
	copied := *a
	copied.Actor = a.Actor.clone()
	return &copied
}

// Org is an organisation, and the user's role in it.
type Org struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
	// Role is "member", "admin" or "owner".
	Role string `json:"role"`
}

// UnmarshalJSON reads the claims of a token. Names count exactly as they are written: encoding/json alone would take a deployment's own
// claim "Roles" for "roles".
func (c *Claims) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &c.all); err != nil {
		return err
	}
	var audience string
	var expiresAt, notBefore, issuedAt, authTime numericDate
	for name, target := range map[string]any{
		"iss": &c.Issuer, "sub": &c.Subject, "aud": &audience, "jti": &c.ID, "sid": &c.SessionID,
		"exp": &expiresAt, "nbf": &notBefore, "iat": &issuedAt, "auth_time": &authTime,
		"amr": &c.Methods, "idp": &c.Provider, "client_id": &c.ClientID, "scope": &c.Scope, "email_verified": &c.EmailVerified,
	} {
		value, isThere := c.all[name]
		if !isThere || string(value) == "null" {
			return fmt.Errorf("the claim %s is missing", name)
		}
		if err := json.Unmarshal(value, target); err != nil {
			return fmt.Errorf("the claim %s: %w", name, err)
		}
	}
	c.Audience, c.AuthTime = jwt.ClaimStrings{audience}, int64(authTime)
	c.ExpiresAt, c.NotBefore, c.IssuedAt = expiresAt.asLibrary(), notBefore.asLibrary(), issuedAt.asLibrary()
	for name, target := range map[string]any{
		"acr": &c.Level, "roles": &c.Roles, "act": &c.Actor, "org": &c.Org, "second_factor": &c.RequiredFactor,
		"email": &c.Email, "name": &c.Name, "picture": &c.Picture, "sub_profile": &c.SubjectProfile, "idp_sub": &c.ProviderSubject,
		"cnf": &c.Confirmation,
	} {
		if value, isThere := c.all[name]; isThere {
			if err := json.Unmarshal(value, target); err != nil {
				return fmt.Errorf("the claim %s: %w", name, err)
			}
		}
	}
	if c.Subject == "" || c.SessionID == "" || c.ID == "" {
		return errors.New("an id is empty")
	}
	if _, isBound := c.all["cnf"]; isBound && (c.Confirmation == nil || c.Confirmation.Thumbprint == "") {
		return errors.New("the claim cnf: not a key's thumbprint")
	}
	return nil
}

// numericDate is a whole number of seconds since the epoch. The library's own takes texts too.
type numericDate int64

func (d *numericDate) UnmarshalJSON(data []byte) error {
	var seconds float64
	if err := json.Unmarshal(data, &seconds); err != nil {
		return err
	}
	// The largest is what every language reads from JSON as it is written.
	if seconds < 0 || seconds > 1<<53-1 || seconds != math.Trunc(seconds) {
		return errors.New("a time is a whole number of seconds")
	}
	*d = numericDate(seconds)
	return nil
}

func (d numericDate) asLibrary() *jwt.NumericDate { return jwt.NewNumericDate(time.Unix(int64(d), 0)) }

// MarshalJSON writes the claims as the token has them, the deployment's own too.
func (c Claims) MarshalJSON() ([]byte, error) { return json.Marshal(c.all) }

// clone returns a copy that a handler may change.
func (c *Claims) clone() *Claims {
	copied := *c
	copied.Audience, copied.Methods, copied.Roles = slices.Clone(c.Audience), slices.Clone(c.Methods), slices.Clone(c.Roles)
	copied.Actor = c.Actor.clone()
	if c.Confirmation != nil {
		confirmation := *c.Confirmation
		copied.Confirmation = &confirmation
	}
	if c.Org != nil {
		org := *c.Org
		copied.Org = &org
	}
	if c.RequiredFactor != nil {
		factor := *c.RequiredFactor
		factor.Missing = slices.Clone(factor.Missing)
		if factor.Org != nil {
			org := *factor.Org
			factor.Org = &org
		}
		copied.RequiredFactor = &factor
	}
	return &copied
}
