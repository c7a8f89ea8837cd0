package vestibule

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const fullScope = "api"

var (
	ranks    = map[string]int{"member": 1, "admin": 2, "owner": 3}
	uuidForm = regexp.MustCompile(`^(?i)[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$`)
)

// Requirement is something that is required of a caller.
type Requirement func(*required)

type required struct {
	scopes        []string
	namesScopes   bool
	role          string
	hasRole       bool
	org           string
	hasOrg        bool
	orgRole       string
	hasOrgRole    bool
	verifiedEmail bool
	maxAge        time.Duration
	hasMaxAge     bool
	aal2          bool
}

// Scope requires scopes, all of them. The scope "api", which sessions have, covers every scope, and is required where neither this nor
// [AnyScope] is given: a token that was narrowed opens only what names its scope.
func Scope(first string, more ...string) Requirement {
	return func(r *required) { r.scopes, r.namesScopes = append(append(r.scopes, first), more...), true }
}

// AnyScope accepts every token, however narrow its scope.
func AnyScope() Requirement { return func(r *required) { r.namesScopes = true } }

// Role requires a role in the deployment, for example "admin".
func Role(role string) Requirement {
	return func(r *required) { r.role, r.hasRole = role, true }
}

// ForOrg requires that the caller acts for an organisation, by its slug or id.
func ForOrg(slugOrID string) Requirement {
	return func(r *required) { r.org, r.hasOrg = slugOrID, true }
}

// OrgRole requires at least this role in the active organisation: "member", "admin" or "owner".
func OrgRole(role string) Requirement {
	return func(r *required) { r.orgRole, r.hasOrgRole = role, true }
}

// VerifiedEmail requires a verified e-mail address. Service accounts, which have no address, pass.
func VerifiedEmail() Requirement { return func(r *required) { r.verifiedEmail = true } }

// MaxAge requires that credentials were given at most this long ago. API keys and service accounts, which never give them, don't pass.
func MaxAge(age time.Duration) Requirement {
	return func(r *required) { r.maxAge, r.hasMaxAge = age, true }
}

// AAL2 requires a second factor.
func AAL2() Requirement { return func(r *required) { r.aal2 = true } }

func newRequired(requirements []Requirement) *required {
	r := &required{}
	for _, add := range requirements {
		add(r)
	}
	if !r.namesScopes {
		r.scopes = []string{fullScope}
	}
	return r
}

// authorize decides, from the claims alone, whether a caller meets the requirement. It returns nil if so.
func (r *required) authorize(c *Claims, now time.Time, issuer string) *Error {
	if c.lacksFactor("session") {
		return factorMissing(issuer)
	}
	if r.verifiedEmail && !c.EmailVerified && c.SubjectProfile != "service" {
		return &Error{
			Status: http.StatusForbidden,
			Code:   "email_unverified",
			Reason: "email_unverified",
			Detail: "Requires a verified e-mail address.",
		}
	}
	if r.hasRole && !slices.Contains(c.Roles, r.role) {
		if c.lacksFactor("role") {
			return factorMissing(issuer)
		}
		return forbidden("role_missing", fmt.Sprintf("Requires the role %s.", r.role))
	}
	if r.isWithheld(c) {
		return factorMissing(issuer)
	}
	if err := r.authorizeOrg(c.Org); err != nil {
		return err
	}
	if err := r.authorizeScope(c.Scope); err != nil {
		return err
	}
	return r.authorizeLogin(c, now, issuer)
}

// isWithheld is whether the caller would act for the required organisation with a second factor.
func (r *required) isWithheld(c *Claims) bool {
	if !r.hasOrg && !r.hasOrgRole || c.Org != nil || c.RequiredFactor == nil || c.RequiredFactor.Org == nil {
		return false
	}
	return !r.hasOrg || isNamed(c.RequiredFactor.Org, r.org)
}

// factorMissing refuses a caller of whom a policy requires a second factor.
func factorMissing(issuer string) *Error {
	return &Error{
		Status:    http.StatusUnauthorized,
		Code:      "reauthentication_required",
		Reason:    "second_factor_missing",
		Challenge: `Bearer error="insufficient_user_authentication", acr_values="aal2"`,
		LoginURL:  issuer + "/auth/login?acr_values=aal2",
	}
}

func (r *required) authorizeOrg(active *Org) *Error {
	if !r.hasOrg && !r.hasOrgRole {
		return nil
	}
	if active == nil {
		return forbidden("org_missing", "Requires an active organisation.")
	}
	if r.hasOrg && !isNamed(active, r.org) {
		return forbidden("org_missing", "Requires a session or token that acts for this organisation.")
	}
	// No user has a role that doesn't exist.
	if wanted := ranks[r.orgRole]; r.hasOrgRole && (wanted == 0 || ranks[active.Role] < wanted) {
		return forbidden("org_role_missing", fmt.Sprintf("Requires the role %s in the organisation.", r.orgRole))
	}
	return nil
}

// isNamed compares a text in the form of an id with ids alone, so that no slug can pass for another organisation's id.
func isNamed(org *Org, text string) bool {
	if uuidForm.MatchString(text) {
		return org.ID == strings.ToLower(text)
	}
	return text != "" && org.Slug == text
}

func (r *required) authorizeScope(scope string) *Error {
	held := strings.Fields(scope)
	if slices.Contains(held, fullScope) {
		return nil
	}
	var missing []string
	for _, wanted := range r.scopes {
		if !slices.Contains(held, wanted) {
			missing = append(missing, wanted)
		}
	}
	if missing == nil {
		return nil
	}
	list := strings.Join(missing, " ")
	return &Error{
		Status:    http.StatusForbidden,
		Code:      "insufficient_scope",
		Reason:    "scope_missing",
		Detail:    fmt.Sprintf("Requires the scope %s.", list),
		Challenge: fmt.Sprintf(`Bearer error="insufficient_scope", scope="%s"`, list),
	}
}

// authorizeLogin names all that is required of a login in its challenge, so that one login is enough (RFC 9470, section 3).
func (r *required) authorizeLogin(c *Claims, now time.Time, issuer string) *Error {
	lacksFactor := r.aal2 && c.Level != "aal2"
	isOld := r.hasMaxAge && now.Sub(time.Unix(c.AuthTime, 0)) > r.maxAge
	if !lacksFactor && !isOld {
		return nil
	}
	reason := "login_too_old"
	if lacksFactor {
		reason = "second_factor_missing"
	}
	challenge, query := `Bearer error="insufficient_user_authentication"`, url.Values{}
	if r.hasMaxAge {
		seconds := strconv.FormatInt(int64(r.maxAge/time.Second), 10)
		challenge += fmt.Sprintf(`, max_age="%s"`, seconds)
		query.Set("max_age", seconds)
	}
	if r.aal2 {
		challenge += `, acr_values="aal2"`
		query.Set("acr_values", "aal2")
	}
	return &Error{
		Status:    http.StatusUnauthorized,
		Code:      "reauthentication_required",
		Reason:    reason,
		Challenge: challenge,
		LoginURL:  issuer + "/auth/login?" + query.Encode(),
	}
}
