package vestibule

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

const (
	// A key that the gateway withdrew goes within this time.
	refreshEvery = 50 * time.Second
	// Between two attempts while no keys are known.
	retryAfter = time.Second
	timeout    = 3 * time.Second
	// For which keys are used although they couldn't be read again.
	usableFor    = time.Hour
	maximumBytes = 65_536
)

var (
	algorithms = []string{"ES256", "EdDSA"}
	errHeader  = errors.New("the header of another kind of token")
)

// keySet reads the gateway's keys when the first token comes. From then on the library reads them again.
type keySet struct {
	ctx      context.Context
	uri      string
	cooldown time.Duration

	mutex   sync.Mutex
	keys    *readKeys
	triedAt time.Time
	err     error
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// gatewayClient sends everything to the gateway but the readings of its keys.
var gatewayClient = &http.Client{CheckRedirect: noRedirect}

// checkedTransport lets nothing through to the library but key sets, and notes when the last one came.
type checkedTransport struct {
	readAt atomic.Int64
}

func (t *checkedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil || answer.StatusCode != http.StatusOK {
		return answer, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maximumBytes+1))
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(text) > maximumBytes || json.Unmarshal(text, &set) != nil || set.Keys == nil {
		return nil, errors.New("the answer is no key set")
	}
	t.readAt.Store(time.Now().UnixNano())
	answer.Body = io.NopCloser(bytes.NewReader(text))
	return answer, nil
}

func (t *checkedTransport) age() time.Duration {
	return time.Duration(time.Now().UnixNano() - t.readAt.Load())
}

// readKeys are keys that have been read at least once.
type readKeys struct {
	keyfunc.Keyfunc
	stored    jwkset.Storage
	transport *checkedTransport
	// Reads the keys for a key id that isn't stored.
	client jwkset.Storage

	mutex sync.Mutex
	// A gateway may change its key twice at once. What strangers make up must not become traffic: two readings in a while.
	searches *rate.Limiter
	begunAt  time.Time
}

// has is whether a key that verified a token before is still the gateway's.
func (k *readKeys) has(ctx context.Context, kid string) bool {
	_, err := k.stored.KeyRead(ctx, kid)
	return err == nil
}

// search reads the keys because of a key id that isn't known, unless another request has begun to since: a reading that began before may
// have been too early.
func (k *readKeys) search(ctx context.Context, kid string) {
	asked := time.Now()
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if !k.has(ctx, kid) && k.begunAt.Before(asked) && k.searches.Allow() {
		k.begunAt = time.Now()
		// Whether it is there now is found out by whoever asked.
		_, _ = k.client.KeyRead(ctx, kid)
	}
}

// find returns the key that a token's header names.
func (k *readKeys) find(ctx context.Context, token *jwt.Token) (any, error) {
	if kid, isText := token.Header["kid"].(string); isText && !k.has(ctx, kid) {
		k.search(ctx, kid)
	}
	return k.KeyfuncCtx(ctx)(token)
}

// parse verifies a JWS of the gateway and reads its claims. It returns the id of the key that signed it.
func (k *readKeys) parse(ctx context.Context, parser *jwt.Parser, token, typ string, claims jwt.Claims) (string, error) {
	// A caller who hangs up must not break off a reading of the keys that others need.
	ctx = context.WithoutCancel(ctx)
	parsed, err := parser.ParseWithClaims(token, claims, func(parsed *jwt.Token) (any, error) { return k.find(ctx, parsed) })
	if err != nil {
		return "", err
	}
	// Without a kid the library would try every key.
	kid, hasKid := parsed.Header["kid"].(string)
	_, hasCritical := parsed.Header["crit"]
	if !hasKid || hasCritical || parsed.Header["typ"] != typ {
		return "", errHeader
	}
	return kid, nil
}

// get returns the keys, or an [Error] if they couldn't be read yet.
func (k *keySet) get() (*readKeys, error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.keys == nil && (k.err == nil || time.Since(k.triedAt) >= retryAfter) {
		k.keys, k.err = k.read()
		k.triedAt = time.Now()
	}
	if k.keys == nil || k.keys.transport.age() > usableFor {
		return nil, &Error{
			Status: http.StatusServiceUnavailable,
			Code:   "keys_unavailable",
			Reason: "keys_unreachable",
			Cause:  k.err,
		}
	}
	return k.keys, nil
}

func (k *keySet) read() (*readKeys, error) {
	// It goes on reading as long as its context lives, also after a first reading that failed.
	ctx, cancel := context.WithCancel(k.ctx)
	isRead := false
	defer func() {
		if !isRead {
			cancel()
		}
	}()
	transport := &checkedTransport{}
	stored, err := jwkset.NewStorageFromHTTP(k.uri, jwkset.HTTPClientStorageOptions{
		Client:          &http.Client{CheckRedirect: noRedirect, Transport: transport},
		Ctx:             ctx,
		HTTPTimeout:     timeout,
		RefreshInterval: refreshEvery,
	})
	if err != nil {
		return nil, err
	}
	// How often it reads for unknown ids is decided before it is asked. The bound on waiting is that of the reading.
	client, err := jwkset.NewHTTPClient(jwkset.HTTPClientOptions{
		HTTPURLs:          map[string]jwkset.Storage{k.uri: stored},
		RefreshUnknownKID: rate.NewLimiter(rate.Inf, 1),
		RateLimitWaitMax:  timeout,
	})
	if err != nil {
		return nil, err
	}
	keys, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: stored})
	if err != nil {
		return nil, err
	}
	isRead = true
	return &readKeys{
		Keyfunc: keys, stored: stored, transport: transport, client: client,
		searches: rate.NewLimiter(rate.Every(k.cooldown), 2),
	}, nil
}
