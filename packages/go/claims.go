package vestibule

import (
	"encoding/json"

	"github.com/golang-jwt/jwt/v5"
)

// Claims are those of a verified token (RFC 9068). Times are seconds since the epoch.
type Claims struct {
	// Issuer, Subject (id of the user), Audience, ID (of this token) and the times.
	jwt.RegisteredClaims
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
	// Provider is the kind of provider that logged the user in.
	Provider string `json:"idp"`
	// ClientID is the OAuth client through which the user logged in.
	ClientID string `json:"client_id"`
	// Scope has scopes, separated by spaces.
	Scope string `json:"scope"`
	// Email is empty for service accounts, and for users whose provider states none.
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified"`
	Name          string `json:"name,omitempty"`
	Picture       string `json:"picture,omitempty"`
	// Own are the deployment's own claims, and all others, as the token has them.
	Own map[string]json.RawMessage `json:"-"`
}

// Actor acts for a subject.
type Actor struct {
	Subject string `json:"sub"`
}

// Org is an organisation, and the user's role in it.
type Org struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
	// Role is "member", "admin" or "owner".
	Role string `json:"role"`
}

// plainClaims has the members of Claims without its method.
type plainClaims Claims

// UnmarshalJSON reads the claims of a token, the deployment's own too.
func (c *Claims) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, (*plainClaims)(c)); err != nil {
		return err
	}
	return json.Unmarshal(data, &c.Own)
}
