package vestibule

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"golang.org/x/time/rate"
)

const (
	// A key that the gateway withdrew goes within this time.
	refreshEvery = 50 * time.Second
	// Between two attempts while no keys are known.
	retryAfter = time.Second
	timeout    = 3 * time.Second
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

// readKeys are keys that have been read at least once.
type readKeys struct {
	keyfunc.Keyfunc
	stored jwkset.Storage
}

// has is whether a key that verified a token before is still the gateway's.
func (k *readKeys) has(ctx context.Context, kid string) bool {
	_, err := k.stored.KeyRead(ctx, kid)
	return err == nil
}

// get returns the keys, or an [Error] if they couldn't be read yet.
func (k *keySet) get() (*readKeys, error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.keys == nil && (k.err == nil || time.Since(k.triedAt) >= retryAfter) {
		k.keys, k.err = k.read()
		k.triedAt = time.Now()
	}
	if k.keys == nil {
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
	stored, err := jwkset.NewStorageFromHTTP(k.uri, jwkset.HTTPClientStorageOptions{
		Client:          &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Ctx:             ctx,
		HTTPTimeout:     timeout,
		RefreshInterval: refreshEvery,
	})
	if err != nil {
		return nil, err
	}
	// What strangers make up must not become traffic: one reading in a while. The bound on waiting holds for the reading too.
	client, err := jwkset.NewHTTPClient(jwkset.HTTPClientOptions{
		HTTPURLs:          map[string]jwkset.Storage{k.uri: stored},
		RefreshUnknownKID: rate.NewLimiter(rate.Every(k.cooldown), 1),
		RateLimitWaitMax:  timeout,
	})
	if err != nil {
		return nil, err
	}
	keys, err := keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: client})
	if err != nil {
		return nil, err
	}
	isRead = true
	return &readKeys{Keyfunc: keys, stored: stored}, nil
}
