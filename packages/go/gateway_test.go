package vestibule_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	vestibule "github.com/vestibule-auth/vestibule/packages/go"
)

// gateway stands for a gateway: its keys, its stream and its token endpoint, which answer as the test sets them.
type gateway struct {
	t      *testing.T
	server *httptest.Server
	// Each connection of the stream takes what is to be sent, until `hangUp`.
	events chan string

	mutex     sync.Mutex
	keys      map[string]*ecdsa.PrivateKey
	kid       string
	hangUp    chan struct{}
	isDown    bool
	refused   string
	lastIDs   []string
	exchange  func(w http.ResponseWriter, key string)
	exchanges int
	readings  int
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{t: t, events: make(chan string, 1000), keys: make(map[string]*ecdsa.PrivateKey), hangUp: make(chan struct{})}
	g.rotate("first")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/jwks.json", g.serveKeys)
	mux.HandleFunc("GET /auth/revocations/stream", g.serveStream)
	mux.HandleFunc("POST /auth/token", g.serveTokens)
	g.server = httptest.NewServer(mux)
	t.Cleanup(func() {
		g.server.CloseClientConnections()
		g.server.Close()
	})
	return g
}

// rotate signs with a new key.
func (g *gateway) rotate(kid string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		g.t.Fatal(err)
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.keys[kid], g.kid = key, kid
}

func (g *gateway) serveKeys(w http.ResponseWriter, _ *http.Request) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.readings++
	all, encode := []any{}, base64.RawURLEncoding.EncodeToString
	for kid, key := range g.keys {
		public, err := key.PublicKey.ECDH()
		if err != nil {
			panic(err)
		}
		point := public.Bytes()
		all = append(all, map[string]any{
			"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, "x": encode(point[1:33]), "y": encode(point[33:]),
		})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": all})
}

func (g *gateway) serveStream(w http.ResponseWriter, r *http.Request) {
	g.mutex.Lock()
	hangUp, isDown, refused, lastID := g.hangUp, g.isDown, g.refused, r.Header.Get("Last-Event-ID")
	g.lastIDs = append(g.lastIDs, lastID)
	g.mutex.Unlock()
	if lastID != "" && lastID == refused {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if isDown || r.Header.Get("Authorization") != "Bearer subscriber" {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_ = http.NewResponseController(w).Flush()
	for {
		select {
		case text := <-g.events:
			_, _ = fmt.Fprint(w, text)
			_ = http.NewResponseController(w).Flush()
		case <-hangUp:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (g *gateway) serveTokens(w http.ResponseWriter, r *http.Request) {
	g.mutex.Lock()
	g.exchanges++
	exchange := g.exchange
	g.mutex.Unlock()
	if r.PostFormValue("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" ||
		r.PostFormValue("subject_token_type") != "urn:vestibule:params:oauth:token-type:api_key" {
		panic("another form than the gateway takes")
	}
	exchange(w, r.PostFormValue("subject_token"))
}

// setDown ends all connections of the stream, and answers 503 to new ones, or not any more.
func (g *gateway) setDown(isDown bool) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.isDown = isDown
	close(g.hangUp)
	g.hangUp = make(chan struct{})
}

// refuse ends all connections of the stream, and answers 400 to new ones that name this event.
func (g *gateway) refuse(id string) {
	g.mutex.Lock()
	g.refused = id
	g.mutex.Unlock()
	g.setDown(false)
}

func (g *gateway) connections() []string {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return append([]string(nil), g.lastIDs...)
}

func (g *gateway) read() int {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.readings
}

func (g *gateway) exchanged() int {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.exchanges
}

func (g *gateway) answerWith(exchange func(http.ResponseWriter, string)) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.exchange = exchange
}

func (g *gateway) sign(typ string, claims jwt.MapClaims) string {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["typ"], token.Header["kid"] = typ, g.kid
	signed, err := token.SignedString(g.keys[g.kid])
	if err != nil {
		panic(err)
	}
	return signed
}

// token makes a user's token; the claims that are given replace the usual ones.
func (g *gateway) token(claims map[string]any) string {
	now := time.Now().Unix()
	all := jwt.MapClaims{
		"iss": g.server.URL, "aud": "api", "sub": newID(), "sid": newID(), "jti": newID(), "iat": now, "nbf": now, "exp": now + 600,
		"auth_time": now, "amr": []string{"pwd"}, "idp": "ory", "client_id": "vestibule", "scope": "api", "email_verified": true, "name": "Ada",
	}
	maps.Copy(all, claims)
	return g.sign("at+jwt", all)
}

// content is that of a message; the members that are given replace those of an empty one.
func (g *gateway) content(members map[string]any) jwt.MapClaims {
	all := jwt.MapClaims{
		"iss": g.server.URL, "iat": time.Now().Unix(), "keep": 720, "ended": "", "changed": []any{}, "everything_before": 0,
	}
	maps.Copy(all, members)
	return all
}

func (g *gateway) message(members map[string]any) string {
	return g.sign("revocations+jwt", g.content(members))
}

// tell sends a message, as an event with an id unless that is empty.
func (g *gateway) tell(id, message string) {
	if id != "" {
		id = "id: " + id + "\n"
	}
	g.events <- id + "event: revocations\ndata: " + message + "\n\n"
}

// tellEverything sends a snapshot in one part, and a sign of life.
func (g *gateway) tellEverything(members map[string]any) {
	all := map[string]any{"stream": "a", "told": 0, "snapshot": part(newID(), 1, 1)}
	maps.Copy(all, members)
	g.tell("x.0", g.message(all))
	maps.DeleteFunc(all, func(name string, _ any) bool { return name != "stream" && name != "told" && name != "iat" })
	g.tell("", g.message(all))
}

// signOfLife makes a message that tells nothing new, of a process that has told so many messages.
func (g *gateway) signOfLife(stream string, told int, members map[string]any) string {
	all := map[string]any{"stream": stream, "told": told}
	maps.Copy(all, members)
	return g.message(all)
}

func (g *gateway) options() vestibule.Options {
	return vestibule.Options{
		Issuer: g.server.URL, Audience: "api", Context: g.t.Context(), Revocations: &vestibule.Revocations{Key: "subscriber"},
	}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// idsOf encodes ids as messages have them.
func idsOf(ids ...string) string {
	var all []byte
	for _, id := range ids {
		parsed := uuid.MustParse(id)
		all = append(all, parsed[:]...)
	}
	return base64.RawURLEncoding.EncodeToString(all)
}

func part(id string, part, parts int) map[string]any {
	return map[string]any{"id": id, "part": part, "parts": parts}
}

// reasonOf returns why a token is refused; it is empty for one that is accepted.
func reasonOf(t *testing.T, guard *vestibule.Guard, token string) string {
	t.Helper()
	_, err := guard.Verify(t.Context(), token)
	if err == nil {
		return ""
	}
	refusal, isRefusal := err.(*vestibule.Error)
	if !isRefusal {
		t.Fatal(err)
	}
	return refusal.Reason
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
