package vestibule

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	apiKeyHeader = "X-API-Key"
	apiKeyPrefix = "vst_"
	apiKeyIDEnd  = len(apiKeyPrefix) + 32
	apiKeyLength = 88
	// For which a key is refused whose new token isn't accepted here.
	notAcceptedFor = time.Second
	mostRefused    = 10_000
	// Before its end, a token is exchanged for again, beside requests; sooner if it is short.
	longestMargin = 30 * time.Second
)

// An id and a secret, which a checksum follows.
var apiKeyForm = regexp.MustCompile(`^vst_[\da-f]{12}7[\da-f]{3}[89ab][\da-f]{15}_[\w-]{43}[\da-f]{8}$`)

func isAPIKey(text string) bool {
	if len(text) != apiKeyLength || !apiKeyForm.MatchString(text) {
		return false
	}
	body, sum := text[:apiKeyLength-8], text[apiKeyLength-8:]
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body))) == sum
}

// apiKeys exchanges API keys for tokens (RFC 8693), and remembers these by digests of the keys.
type apiKeys struct {
	ctx      context.Context
	uri      string
	most     int
	cooldown time.Duration
	// verify returns the claims of a token that was exchanged.
	verify func(context.Context, string) (*Claims, *Error)

	flights singleflight.Group
	// Places of exchanges.
	known, unknown, waiting chan struct{}

	mutex   sync.RWMutex
	tokens  map[digest]*exchanged
	refused map[digest]refusedKey
	// Why there are no exchanges until then.
	paused refusedKey
	// Unknown keys that were refused, less those that time has forgiven.
	refusals   float64
	forgivenAt time.Time
}

type digest = [sha256.Size]byte

type exchanged struct {
	token   string
	renewAt time.Time
	// Set while it is exchanged for again.
	isRenewing atomic.Bool
}

type refusedKey struct {
	reason string
	until  time.Time
}

// errRefused is a key that the gateway refuses.
type errRefused string

func (e errRefused) Error() string { return string(e) }

func newAPIKeys(ctx context.Context, uri string, options Options, verify func(context.Context, string) (*Claims, *Error)) *apiKeys {
	return &apiKeys{
		ctx: ctx, uri: uri, most: options.Remembered, cooldown: options.Cooldown, verify: verify,
		known: make(chan struct{}, mostExchanges), unknown: make(chan struct{}, mostExchanges),
		waiting: make(chan struct{}, mostWaiting),
		tokens:  make(map[digest]*exchanged), refused: make(map[digest]refusedKey),
	}
}

// claimsOfKey returns the claims of an API key that the gateway accepts. A token that ended before its time is exchanged for again, unless
// its key was revoked.
func (g *Guard) claimsOfKey(ctx context.Context, key string) (*Claims, *Error) {
	if !isAPIKey(key) {
		return nil, g.unauthenticated("api_key_malformed", nil)
	}
	id := sha256.Sum256([]byte(key))
	token := g.apiKeys.find(id, key)
	var refusal *Error
	// An exchange that other requests began may be older than the last change: then once more.
	for range 3 {
		// The id of a key is the session of its tokens.
		if g.revocations != nil && g.revocations.list.hasEnded(key[len(apiKeyPrefix):apiKeyIDEnd]) {
			return nil, g.unauthenticated("session_ended", nil)
		}
		if token == "" {
			var err error
			if token, err = g.apiKeys.exchange(ctx, id, key); err != nil {
				return nil, g.refusalOf(err)
			}
		}
		var claims *Claims
		if claims, refusal = g.claimsOf(ctx, token); refusal == nil {
			refusal = g.refusalAgainst(ctx, claims)
		}
		if refusal == nil || refusal.Status != http.StatusUnauthorized {
			return claims, refusal
		}
		token = ""
	}
	g.apiKeys.refuse(id, refusal.Reason, notAcceptedFor)
	return nil, refusal
}

// find returns the token of a key that was exchanged before; it is empty without one.
func (a *apiKeys) find(id digest, key string) string {
	a.mutex.RLock()
	known := a.tokens[id]
	a.mutex.RUnlock()
	if known == nil {
		return ""
	}
	if time.Now().After(known.renewAt) && known.isRenewing.CompareAndSwap(false, true) {
		go func() {
			if _, err := a.exchange(a.ctx, id, key); err != nil {
				// What is known stays in use until its end, unless the key was refused.
				time.AfterFunc(retryAfter, func() { known.isRenewing.Store(false) })
			}
		}()
	}
	return known.token
}

// exchange asks the gateway for a token. Requests with one key share an exchange. It returns errRefused, or an [Error] if the gateway
// can't be asked.
func (a *apiKeys) exchange(ctx context.Context, id digest, key string) (string, error) {
	a.mutex.RLock()
	refused, isRefused := a.refused[id]
	a.mutex.RUnlock()
	if isRefused && time.Now().Before(refused.until) {
		return "", errRefused(refused.reason)
	}
	flight := a.flights.DoChan(string(id[:]), func() (any, error) {
		return a.ask(id, key)
	})
	select {
	case result := <-flight:
		token, _ := result.Val.(string)
		return token, result.Err
	case <-ctx.Done():
		return "", exchangeFailed("exchange_abandoned", shortestPause, ctx.Err())
	}
}

func (a *apiKeys) remember(id digest, token string, claims *Claims) {
	margin := min(longestMargin, claims.ExpiresAt.Sub(claims.IssuedAt.Time)/10)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	makeRoom(a.tokens, a.most)
	a.tokens[id] = &exchanged{token: token, renewAt: claims.ExpiresAt.Add(-margin)}
}

func (a *apiKeys) refuse(id digest, reason string, length time.Duration) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	delete(a.tokens, id)
	makeRoom(a.refused, mostRefused)
	a.refused[id] = refusedKey{reason, time.Now().Add(length)}
}

// makeRoom deletes from a full memory, so that one more fits.
func makeRoom[Key comparable, Value any](memory map[Key]Value, most int) {
	for other := range memory {
		if len(memory) < most {
			break
		}
		delete(memory, other)
	}
}
