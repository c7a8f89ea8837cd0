// An application that logs users in with go-oidc: the trial's second library. Its routes are those of openid-client.app.ts.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

type login struct{ nonce, verifier string }

type result struct {
	IDToken      string         `json:"id_token"`
	AccessToken  string         `json:"access_token"`
	RefreshToken string         `json:"refresh_token,omitempty"`
	Claims       map[string]any `json:"claims"`
	UserInfo     map[string]any `json:"userinfo"`
}

type notice struct {
	Claims map[string]any `json:"claims"`
	// Refusal is why go-oidc itself doesn't accept the logout token; empty if it does.
	Refusal string `json:"refusal"`
}

type app struct {
	origin     string
	provider   *oidc.Provider
	config     oauth2.Config
	endSession string
	mu         sync.Mutex
	logins     map[string]login
	notices    []notice
}

func main() {
	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, os.Getenv("ISSUER"))
	if err != nil {
		log.Fatal(err)
	}
	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&metadata); err != nil {
		log.Fatal(err)
	}
	endpoint := provider.Endpoint()
	if os.Getenv("AUTHENTICATION") == "client_secret_post" {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	a := &app{
		origin:   os.Getenv("ORIGIN"),
		provider: provider,
		config: oauth2.Config{
			ClientID:     os.Getenv("CLIENT_ID"),
			ClientSecret: os.Getenv("CLIENT_SECRET"),
			Endpoint:     endpoint,
			RedirectURL:  os.Getenv("ORIGIN") + "/callback",
		},
		endSession: metadata.EndSession,
		logins:     map[string]login{},
		notices:    []notice{},
	}
	http.HandleFunc("GET /login", a.login)
	http.HandleFunc("GET /callback", a.callback)
	http.HandleFunc("GET /refresh", a.refresh)
	http.HandleFunc("GET /logout", a.logout)
	http.HandleFunc("GET /bye", a.bye)
	http.HandleFunc("POST /backchannel-logout", a.backchannelLogout)
	http.HandleFunc("GET /notices", func(w http.ResponseWriter, _ *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		writeJSON(w, http.StatusOK, a.notices)
	})
	log.Fatal(http.ListenAndServe(strings.TrimPrefix(a.origin, "http://"), nil))
}

// login begins a login. The query has parameters of the request; "omit" names those to leave out.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	state := rand.Text()
	begun := login{nonce: rand.Text(), verifier: oauth2.GenerateVerifier()}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(begun.verifier), oidc.Nonce(begun.nonce)}
	query := r.URL.Query()
	for name := range query {
		options = append(options, oauth2.SetAuthURLParam(name, query.Get(name)))
	}
	omitted := strings.Fields(query.Get("omit"))
	target, err := url.Parse(a.config.AuthCodeURL(state, options...))
	if err != nil {
		fail(w, err)
		return
	}
	parameters := target.Query()
	parameters.Del("omit")
	for _, name := range omitted {
		parameters.Del(name)
		if name == "nonce" {
			begun.nonce = ""
		}
	}
	target.RawQuery = parameters.Encode()
	a.mu.Lock()
	a.logins[state] = begun
	a.mu.Unlock()
	http.Redirect(w, r, target.String(), http.StatusFound)
}

func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Has("error") {
		fail(w, errors.New(query.Get("error")))
		return
	}
	a.mu.Lock()
	begun, known := a.logins[query.Get("state")]
	delete(a.logins, query.Get("state"))
	a.mu.Unlock()
	if !known {
		fail(w, errors.New("the state is unknown"))
		return
	}
	token, err := a.config.Exchange(r.Context(), query.Get("code"), oauth2.VerifierOption(begun.verifier))
	if err != nil {
		fail(w, err)
		return
	}
	a.answer(w, r, token, begun.nonce)
}

func (a *app) refresh(w http.ResponseWriter, r *http.Request) {
	old := &oauth2.Token{RefreshToken: r.URL.Query().Get("token")}
	token, err := a.config.TokenSource(r.Context(), old).Token()
	if err != nil {
		fail(w, err)
		return
	}
	a.answer(w, r, token, "")
}

// answer verifies the tokens, asks for the user's information and shows both.
func (a *app) answer(w http.ResponseWriter, r *http.Request, token *oauth2.Token, nonce string) {
	raw, _ := token.Extra("id_token").(string)
	shown := result{IDToken: raw, AccessToken: token.AccessToken, RefreshToken: token.RefreshToken}
	err := func() error {
		idToken, err := a.provider.Verifier(&oidc.Config{ClientID: a.config.ClientID}).Verify(r.Context(), raw)
		if err != nil {
			return err
		}
		if nonce != "" && idToken.Nonce != nonce {
			return errors.New("the nonce is another one")
		}
		if idToken.AccessTokenHash != "" {
			if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
				return err
			}
		}
		if err := idToken.Claims(&shown.Claims); err != nil {
			return err
		}
		info, err := a.provider.UserInfo(r.Context(), oauth2.StaticTokenSource(token))
		if err != nil {
			return err
		}
		if info.Subject != idToken.Subject {
			return errors.New("the subject is another one")
		}
		return info.Claims(&shown.UserInfo)
	}()
	if err != nil {
		fail(w, err)
		return
	}
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		writeJSON(w, http.StatusOK, shown)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	logout := "/logout?" + url.Values{"id_token_hint": {raw}}.Encode()
	fmt.Fprintf(w, "<!doctype html><title>App</title><h1>Logged in as %s</h1><a href=\"%s\">Log out</a>",
		html.EscapeString(fmt.Sprint(shown.UserInfo["email"])), html.EscapeString(logout))
}

// logout sends the browser to the provider's end-session endpoint, with the parameters of the query.
func (a *app) logout(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if !query.Has("post_logout_redirect_uri") {
		query.Set("post_logout_redirect_uri", a.origin+"/bye")
	}
	for _, name := range strings.Fields(query.Get("omit")) {
		query.Del(name)
	}
	query.Del("omit")
	http.Redirect(w, r, a.endSession+"?"+query.Encode(), http.StatusFound)
}

func (a *app) bye(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "<!doctype html><title>App</title><h1>Logged out of the app</h1>")
}

// backchannelLogout verifies a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.6).
func (a *app) backchannelLogout(w http.ResponseWriter, r *http.Request) {
	raw := r.PostFormValue("logout_token")
	received := notice{}
	if _, err := a.provider.Verifier(&oidc.Config{ClientID: a.config.ClientID}).VerifyLogout(r.Context(), raw); err != nil {
		received.Refusal = err.Error()
	}
	// Without the expiry: signature, issuer and audience as those of an ID token, and then what section 2.6 adds.
	token, err := a.provider.Verifier(&oidc.Config{ClientID: a.config.ClientID, SkipExpiryCheck: true}).Verify(r.Context(), raw)
	if err == nil {
		err = token.Claims(&received.Claims)
	}
	if err == nil {
		events, _ := received.Claims["events"].(map[string]any)
		if _, named := events[logoutEvent]; !named || received.Claims["nonce"] != nil || received.Claims["sid"] == nil {
			err = errors.New("this is no logout token with a session")
		}
	}
	if err != nil {
		fail(w, err)
		return
	}
	a.mu.Lock()
	a.notices = append(a.notices, received)
	a.mu.Unlock()
	w.WriteHeader(http.StatusOK)
}

func fail(w http.ResponseWriter, err error) {
	writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
