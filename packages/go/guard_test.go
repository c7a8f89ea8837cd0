package vestibule_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vestibule "github.com/vestibule-auth/vestibule/packages/go"
	"github.com/vestibule-auth/vestibule/packages/go/vestibuletest"
)

func ask(handler http.Handler, token string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write([]byte(vestibule.ClaimsOf(r).Name))
})

func newGuard(t *testing.T, options vestibule.Options) *vestibule.Guard {
	t.Helper()
	guard, err := vestibule.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

func TestRequirements(t *testing.T) {
	issuer := vestibuletest.NewIssuer(t)
	guard := newGuard(t, issuer.Options)
	org := map[string]any{"id": "01a2244d-573d-7369-a07e-c1e6e43aa0a8", "slug": "acme", "role": "admin"}
	slugLikeID := map[string]any{"id": "02a2244d-573d-7369-a07e-c1e6e43aa0a8", "slug": org["id"], "role": "owner"}
	past := time.Now().Add(-time.Hour).Unix()
	for name, test := range map[string]struct {
		claims       map[string]any
		requirements []vestibule.Requirement
		code         string
	}{
		"nothing":                        {nil, nil, ""},
		"a narrowed token":               {map[string]any{"scope": "notes:read"}, nil, "insufficient_scope"},
		"a narrowed token, any scope":    {map[string]any{"scope": "notes:read"}, []vestibule.Requirement{vestibule.AnyScope()}, ""},
		"its scope":                      {map[string]any{"scope": "notes:read"}, []vestibule.Requirement{vestibule.Scope("notes:read")}, ""},
		"one of two scopes":              {map[string]any{"scope": "notes:read"}, []vestibule.Requirement{vestibule.Scope("notes:read", "notes:write")}, "insufficient_scope"},
		"no role":                        {nil, []vestibule.Requirement{vestibule.Role("admin")}, "forbidden"},
		"the role":                       {map[string]any{"roles": []string{"admin"}}, []vestibule.Requirement{vestibule.Role("admin")}, ""},
		"a role without a name":          {nil, []vestibule.Requirement{vestibule.Role("")}, "forbidden"},
		"no organisation":                {nil, []vestibule.Requirement{vestibule.OrgRole("member")}, "forbidden"},
		"an organisation":                {map[string]any{"org": org}, []vestibule.Requirement{vestibule.ForOrg("acme"), vestibule.OrgRole("admin")}, ""},
		"an organisation by its id":      {map[string]any{"org": org}, []vestibule.Requirement{vestibule.ForOrg("01A2244D-573D-7369-A07E-C1E6E43AA0A8")}, ""},
		"another organisation":           {map[string]any{"org": org}, []vestibule.Requirement{vestibule.ForOrg("other")}, "forbidden"},
		"an organisation without a name": {map[string]any{"org": org}, []vestibule.Requirement{vestibule.ForOrg("")}, "forbidden"},
		"a slug that is another's id":    {map[string]any{"org": slugLikeID}, []vestibule.Requirement{vestibule.ForOrg("01a2244d-573d-7369-a07e-c1e6e43aa0a8")}, "forbidden"},
		"too low a role":                 {map[string]any{"org": org}, []vestibule.Requirement{vestibule.OrgRole("owner")}, "forbidden"},
		"a role that does not exist":     {map[string]any{"org": org}, []vestibule.Requirement{vestibule.OrgRole("king")}, "forbidden"},
		"an unverified address":          {map[string]any{"email_verified": false}, []vestibule.Requirement{vestibule.VerifiedEmail()}, "email_unverified"},
		"a service account":              {map[string]any{"email_verified": false, "amr": []string{"api_key"}, "sub_profile": "service"}, []vestibule.Requirement{vestibule.VerifiedEmail()}, ""},
		"a key of a nameless person":     {map[string]any{"email_verified": false, "amr": []string{"api_key"}}, []vestibule.Requirement{vestibule.VerifiedEmail()}, "email_unverified"},
		"another profile":                {map[string]any{"email_verified": false, "sub_profile": "user"}, []vestibule.Requirement{vestibule.VerifiedEmail()}, "email_unverified"},
		"an old login":                   {map[string]any{"auth_time": past}, []vestibule.Requirement{vestibule.MaxAge(time.Minute)}, "reauthentication_required"},
		"a login of no known time":       {map[string]any{"auth_time": 0}, []vestibule.Requirement{vestibule.MaxAge(time.Minute)}, "reauthentication_required"},
		"a new login":                    {nil, []vestibule.Requirement{vestibule.MaxAge(time.Minute)}, ""},
		"a factor that is due": {
			map[string]any{"second_factor": map[string]any{"due": 1, "missing": []string{"session"}}, "scope": ""},
			[]vestibule.Requirement{vestibule.AnyScope()}, "reauthentication_required",
		},
		"a role that is withheld": {
			map[string]any{"second_factor": map[string]any{"due": 1, "missing": []string{"role"}}},
			[]vestibule.Requirement{vestibule.Role("admin")}, "reauthentication_required",
		},
		"an organisation that is withheld": {
			map[string]any{"second_factor": map[string]any{"due": 1, "missing": []string{"org"}, "org": org}},
			[]vestibule.Requirement{vestibule.ForOrg("acme")}, "reauthentication_required",
		},
		"another organisation than the withheld one": {
			map[string]any{"second_factor": map[string]any{"due": 1, "missing": []string{"org"}, "org": org}},
			[]vestibule.Requirement{vestibule.ForOrg("other")}, "forbidden",
		},
		"no second factor": {nil, []vestibule.Requirement{vestibule.AAL2()}, "reauthentication_required"},
		"a second factor":  {map[string]any{"acr": "aal2"}, []vestibule.Requirement{vestibule.AAL2()}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer := ask(guard.Protect(hello, test.requirements...), issuer.Token(t, test.claims))
			var body struct {
				Code string `json:"code"`
			}
			if answer.Code != http.StatusOK {
				if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
					t.Fatal(err)
				}
			}
			if body.Code != test.code {
				t.Fatalf("got %d %q, want %q", answer.Code, body.Code, test.code)
			}
		})
	}
}

func TestLoginChallenge(t *testing.T) {
	issuer := vestibuletest.NewIssuer(t)
	guard := newGuard(t, issuer.Options)
	answer := ask(guard.Protect(hello, vestibule.AAL2(), vestibule.MaxAge(5*time.Minute)), issuer.Token(t, nil))
	const want = `Bearer error="insufficient_user_authentication", max_age="300", acr_values="aal2"`
	if got := answer.Header().Get("WWW-Authenticate"); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func TestRememberedTokens(t *testing.T) {
	issuer := vestibuletest.NewIssuer(t)
	options := issuer.Options
	options.Remembered = 2
	options.ClockTolerance = time.Second
	handler := newGuard(t, options).Protect(hello)
	end := time.Now().Add(time.Second)
	short := issuer.Token(t, map[string]any{"exp": end.Unix()})
	for range 3 {
		for _, token := range []string{issuer.Token(t, nil), short, issuer.Token(t, nil)} {
			if answer := ask(handler, token); answer.Code != http.StatusOK {
				t.Fatalf("got %d %s", answer.Code, answer.Body)
			}
		}
	}
	deadline := end.Add(10 * time.Second)
	for ask(handler, short).Code == http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatal("an expired token that was remembered opens")
		}
	}
}

func TestGatewayThatComesLater(t *testing.T) {
	issuer := vestibuletest.NewIssuer(t)
	var isUp atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isUp.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		answer, err := http.Get(issuer.Options.Issuer)
		if err != nil {
			t.Error(err)
			return
		}
		defer answer.Body.Close()
		var keys json.RawMessage
		if err := json.NewDecoder(answer.Body).Decode(&keys); err != nil {
			t.Error(err)
		}
		_, _ = w.Write(keys)
	}))
	t.Cleanup(server.Close)
	options := issuer.Options
	options.JWKSURI = server.URL
	handler, token := newGuard(t, options).Protect(hello), issuer.Token(t, nil)
	if answer := ask(handler, token); answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") != "1" {
		t.Fatalf("got %d %s", answer.Code, answer.Body)
	}
	isUp.Store(true)
	deadline := time.Now().Add(10 * time.Second)
	for ask(handler, token).Code != http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatal("the keys weren't read again")
		}
	}
}

func TestOptions(t *testing.T) {
	good := vestibule.Options{Issuer: "https://auth.example.org/", Audience: "api"}
	if _, err := vestibule.New(good); err != nil {
		t.Fatal(err)
	}
	for _, options := range []vestibule.Options{
		{Issuer: "auth.example.org", Audience: "api"},
		{Issuer: "https://auth.example.org/tenant", Audience: "api"},
		{Issuer: "https://user:pass@auth.example.org", Audience: "api"},
		{Issuer: "ftp://auth.example.org", Audience: "api"},
		{Issuer: good.Issuer},
		{Issuer: good.Issuer, Audience: "api", ClockTolerance: time.Hour},
		{Issuer: good.Issuer, Audience: "api", Cooldown: -1},
	} {
		if _, err := vestibule.New(options); err == nil {
			t.Errorf("%+v should be an error", options)
		}
	}
}

func TestRefusalsAreTold(t *testing.T) {
	issuer := vestibuletest.NewIssuer(t)
	options := issuer.Options
	options.Audience = "https://api.example.test"
	var reasons []string
	options.OnRefused = func(e *vestibule.Error) { reasons = append(reasons, e.Reason) }
	handler := newGuard(t, options).Protect(hello)
	ask(handler, issuer.Token(t, nil))
	ask(handler, "")
	if len(reasons) != 2 || reasons[0] != "token_claim_aud" || reasons[1] != "token_missing" {
		t.Fatalf("got %v", reasons)
	}
}

func TestKeysThatChangeTwiceAtOnce(t *testing.T) {
	g := newGateway(t)
	options := g.options()
	options.Revocations = nil
	guard := newGuard(t, options)
	if reason := reasonOf(t, guard, g.token(nil)); reason != "" {
		t.Fatalf("got %q", reason)
	}
	for _, kid := range []string{"second", "third"} {
		g.rotate(kid)
		var group sync.WaitGroup
		for range 20 {
			token := g.token(nil)
			group.Go(func() {
				if _, err := guard.Verify(t.Context(), token); err != nil {
					t.Errorf("%s: %v", kid, err)
				}
			})
		}
		group.Wait()
	}
	// Anyone can name keys that don't exist.
	for range 1000 {
		g.rotate(newID())
		if reason := reasonOf(t, guard, g.token(nil)); reason != "token_key_unknown" {
			t.Fatalf("got %q", reason)
		}
	}
	if count := g.read(); count != 3 {
		t.Errorf("the keys were read %d times", count)
	}
}

func TestNamesOfClaimsCountExactly(t *testing.T) {
	issuer := vestibuletest.NewIssuer(t)
	guard := newGuard(t, issuer.Options)
	token := issuer.Token(t, map[string]any{"Roles": []string{"admin"}, "Org": "acme", "EXP": 1})
	if _, err := guard.Verify(t.Context(), token, vestibule.Role("admin")); err == nil {
		t.Fatal("a claim of a deployment's own made an administrator")
	}
	claims, err := guard.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if string(claims.Own("Org")) != `"acme"` {
		t.Fatalf("got %s", claims.Own("Org"))
	}
}

func TestClaimsOfAnotherForm(t *testing.T) {
	issuer := vestibuletest.NewIssuer(t)
	guard := newGuard(t, issuer.Options)
	for _, wrong := range []map[string]any{
		{"sub": map[string]any{}}, {"sub": ""}, {"aud": []string{issuer.Options.Audience}}, {"exp": "4000000000"}, {"iat": "1"}, {"nbf": "1"}, {"auth_time": true}, {"exp": 4e9 + 0.5}, {"exp": 1e300}, {"auth_time": -1}, {"amr": nil}, {"scope": nil},
		{"roles": "admin"}, {"org": "acme"}, {"email_verified": "true"}, {"sub_profile": []string{"service"}},
	} {
		if _, err := guard.Verify(t.Context(), issuer.Token(t, wrong)); err == nil {
			t.Errorf("%v should be refused", wrong)
		}
	}
}

func TestHandlersChangeOnlyTheirOwnClaims(t *testing.T) {
	issuer := vestibuletest.NewIssuer(t)
	guard, token := newGuard(t, issuer.Options), issuer.Token(t, map[string]any{"roles": []string{"support"}})
	for range 2 {
		claims, err := guard.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		claims.Roles[0] = "admin"
	}
	if _, err := guard.Verify(t.Context(), token, vestibule.Role("admin")); err == nil {
		t.Fatal("a handler made an administrator")
	}
}

func TestAnswersThatAreNoKeySet(t *testing.T) {
	issuer := vestibuletest.NewIssuer(t)
	for _, body := range []string{`{}`, `{"keys":null}`, `null`, `[`, `<html>`, `{"keys":[],"more":"` + strings.Repeat("x", 70_000) + `"}`} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		options := issuer.Options
		options.JWKSURI = server.URL
		answer := ask(newGuard(t, options).Protect(hello), issuer.Token(t, nil))
		server.Close()
		if answer.Code != http.StatusServiceUnavailable {
			t.Errorf("%.20s: got %d", body, answer.Code)
		}
	}
}
