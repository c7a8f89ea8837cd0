package vestibule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// Exchanges that run at a time, for known and for unknown keys each, and those of unknown keys that may wait.
	mostExchanges, mostWaiting = 8, 64
	// How many unknown keys may be refused until others have to wait, and after which time one more may. With those that are on their way,
	// it is less than the 100 in ten minutes after which the gateway answers no exchange from this address, known keys neither.
	mostRefusals, forgivenAfter = 30, 12 * time.Second
	// Without an exchange after the gateway couldn't answer one: at least, and at most.
	shortestPause, longestPauseAsked = time.Second, time.Minute
)

// ask exchanges a key, when it is its turn, verifies the token and remembers it.
func (a *apiKeys) ask(id digest, key string) (string, error) {
	ctx, cancel := context.WithTimeout(a.ctx, timeout)
	defer cancel()
	isKnown, leave, err := a.enter(ctx, id)
	if err != nil {
		return "", err
	}
	defer leave()
	// The turn may have come late.
	if err := a.requireOpen(isKnown); err != nil {
		return "", err
	}
	token, err := a.send(ctx, key)
	var refused errRefused
	switch {
	case errors.As(err, &refused):
		a.refuse(id, string(refused), a.cooldown)
		a.count(isKnown)
		return "", err
	case err != nil:
		return "", err
	}
	claims, refusal := a.verify(ctx, token)
	if refusal != nil {
		if refusal.Status == http.StatusUnauthorized {
			a.refuse(id, refusal.Reason, notAcceptedFor)
			return "", errRefused(refusal.Reason)
		}
		return "", refusal
	}
	a.remember(id, token, claims)
	return token, nil
}

// enter waits for a place. Known keys have some of their own, so that made-up keys don't keep them waiting.
func (a *apiKeys) enter(ctx context.Context, id digest) (isKnown bool, leave func(), err error) {
	a.mutex.RLock()
	_, isKnown = a.tokens[id]
	a.mutex.RUnlock()
	if err := a.requireOpen(isKnown); err != nil {
		return isKnown, nil, err
	}
	places := a.known
	if !isKnown {
		places = a.unknown
		select {
		case a.waiting <- struct{}{}:
			defer func() { <-a.waiting }()
		default:
			return isKnown, nil, exchangeFailed("exchanges_full", shortestPause, nil)
		}
	}
	select {
	case places <- struct{}{}:
		return isKnown, func() { <-places }, nil
	case <-ctx.Done():
		return isKnown, nil, exchangeFailed("exchanges_full", shortestPause, ctx.Err())
	}
}

// requireOpen returns an error while there are to be no exchanges, or none of unknown keys.
func (a *apiKeys) requireOpen(isKnown bool) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	now := time.Now()
	if left := a.paused.until.Sub(now); left > 0 {
		return exchangeFailed(a.paused.reason, left, nil)
	}
	a.refusals = max(0, a.refusals-now.Sub(a.forgivenAt).Seconds()/forgivenAfter.Seconds())
	a.forgivenAt = now
	if !isKnown && a.refusals+1 > mostRefusals {
		return exchangeFailed("exchanges_refused", forgivenAfter, nil)
	}
	return nil
}

func (a *apiKeys) count(isKnown bool) {
	if isKnown {
		return
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.refusals++
}

func (a *apiKeys) send(ctx context.Context, key string) (string, error) {
	form := url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token_type": {"urn:vestibule:params:oauth:token-type:api_key"},
		"subject_token":      {key},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.uri, strings.NewReader(form.Encode()))
	if err != nil {
		return "", a.pause("exchange_unreachable", shortestPause, err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := gatewayClient.Do(request)
	if err != nil {
		return "", a.pause("exchange_unreachable", shortestPause, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusTooManyRequests {
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		return "", a.pause("exchange_rate_limited", time.Duration(seconds)*time.Second, nil)
	}
	var body struct {
		Token string `json:"access_token"`
		Error string `json:"error"`
	}
	err = json.NewDecoder(io.LimitReader(answer.Body, maximumBytes)).Decode(&body)
	switch {
	case err == nil && answer.StatusCode == http.StatusOK && body.Token != "":
		return body.Token, nil
	// The gateway doesn't accept the subject (RFC 8693 section 2.2.2).
	case err == nil && answer.StatusCode == http.StatusBadRequest && body.Error == "invalid_request":
		return "", errRefused("api_key_refused")
	default:
		return "", a.pause("exchange_unreachable", shortestPause, fmt.Errorf("%s answered %d", a.uri, answer.StatusCode))
	}
}

// pause lets no exchange happen for a while.
func (a *apiKeys) pause(reason string, length time.Duration, cause error) error {
	length = min(max(length, shortestPause), longestPauseAsked)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.paused = refusedKey{reason, time.Now().Add(length)}
	return exchangeFailed(reason, length, cause)
}

func exchangeFailed(reason string, retryAfter time.Duration, cause error) *Error {
	return &Error{Status: http.StatusServiceUnavailable, Code: "keys_unavailable", Reason: reason, RetryAfter: retryAfter, Cause: cause}
}
