// A service that takes the bearer which Vestibule, or a proxy that has asked it, sends along.
//
// ISSUER is the gateway's PUBLIC_URL, AUDIENCE its TOKEN_AUDIENCE, COOLDOWN the least time between two readings of the keys
// because of a key that isn't known (default 30s), LISTEN the address to listen on.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// caller is who calls, as the token says it.
type caller struct {
	jwt.RegisteredClaims
	Scope string   `json:"scope"`
	Roles []string `json:"roles"`
}

type verifier struct {
	keys   keyfunc.Keyfunc
	parser *jwt.Parser
}

func newVerifier(ctx context.Context, issuer, audience string, cooldown time.Duration) (*verifier, error) {
	address := issuer + "/.well-known/jwks.json"
	stored, err := jwkset.NewStorageFromHTTP(address, jwkset.HTTPClientStorageOptions{
		Ctx:             ctx,
		HTTPTimeout:     3 * time.Second,
		RefreshInterval: 10 * time.Minute,
	})
	if err != nil {
		return nil, err
	}
	// What strangers make up must not become traffic: one reading in a while. The bound on waiting holds for the reading too.
	client, err := jwkset.NewHTTPClient(jwkset.HTTPClientOptions{
		HTTPURLs:          map[string]jwkset.Storage{address: stored},
		RefreshUnknownKID: rate.NewLimiter(rate.Every(cooldown), 1),
		RateLimitWaitMax:  3 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	keys, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: client})
	if err != nil {
		return nil, err
	}
	return &verifier{keys: keys, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{"ES256", "EdDSA"}),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(30*time.Second),
	)}, nil
}

func (v *verifier) verify(text string) (*caller, error) {
	who := &caller{}
	token, err := v.parser.ParseWithClaims(text, who, v.keys.Keyfunc)
	if err != nil {
		return nil, err
	}
	// Without a kid the library would try every key.
	_, hasKey := token.Header["kid"].(string)
	if !hasKey || token.Header["typ"] != "at+jwt" || who.Subject == "" {
		return nil, errors.New("not an access token")
	}
	return who, nil
}

func main() {
	cooldown, err := time.ParseDuration(os.Getenv("COOLDOWN"))
	if err != nil {
		cooldown = 30 * time.Second
	}
	v, err := newVerifier(context.Background(), os.Getenv("ISSUER"), os.Getenv("AUDIENCE"), cooldown)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", os.Getenv("LISTEN"))
	if err != nil {
		log.Fatal(err)
	}
	log.Print("listening")
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		who, err := v.verify(text)
		if !isBearer || err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"sub": who.Subject, "scope": who.Scope, "roles": who.Roles})
	})))
}
