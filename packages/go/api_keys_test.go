package vestibule_test

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vestibule "github.com/vestibule-auth/vestibule/packages/go"
)

// newKey makes a key as the gateway does. It returns its id too.
func newKey() (string, string) {
	id := newID()
	body := "vst_" + strings.ReplaceAll(id, "-", "") + "_" + strings.Repeat("s", 43)
	return fmt.Sprintf("%s%08x", body, crc32.ChecksumIEEE([]byte(body))), id
}

func writeToken(w http.ResponseWriter, token string) {
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "Bearer"})
}

func refuse(w http.ResponseWriter, _ string) {
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write([]byte(`{"error":"invalid_request"}`))
}

// acceptKey answers with tokens of one key's, whose claims may be replaced.
func (g *gateway) acceptKey(id string, claims map[string]any) {
	g.answerWith(func(w http.ResponseWriter, _ string) {
		all := map[string]any{"sid": id, "sub": id[:35] + "0", "client_id": "api-key", "amr": []string{"api_key"}}
		for name, value := range claims {
			all[name] = value
		}
		writeToken(w, g.token(all))
	})
}

func (g *gateway) keyOptions() vestibule.Options {
	options := g.options()
	options.Revocations, options.APIKeys = nil, true
	return options
}

func askWithKey(handler http.Handler, keys ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, key := range keys {
		request.Header.Add("X-API-Key", key)
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	return answer
}

func TestAPIKeysAreExchangedOnce(t *testing.T) {
	g := newGateway(t)
	key, id := newKey()
	g.acceptKey(id, nil)
	guard := newGuard(t, g.keyOptions())
	handler := guard.Protect(hello)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if answer := askWithKey(handler, key); answer.Code != http.StatusOK || answer.Body.String() != "Ada" {
				t.Errorf("got %d %s", answer.Code, answer.Body)
			}
		})
	}
	group.Wait()
	if answer := ask(handler, key); answer.Code != http.StatusOK {
		t.Errorf("as a bearer: got %d", answer.Code)
	}
	if answer := askWithKey(guard.Protect(hello, vestibule.Role("admin")), key); answer.Code != http.StatusForbidden {
		t.Errorf("got %d", answer.Code)
	}
	if g.exchanged() != 1 {
		t.Errorf("exchanged %d times", g.exchanged())
	}
}

func TestAPIKeysAreRefusedUnlessTheyAreAccepted(t *testing.T) {
	g := newGateway(t)
	key, _ := newKey()
	options := g.keyOptions()
	options.APIKeys = false
	handler := newGuard(t, options).Protect(hello)
	for _, answer := range []*httptest.ResponseRecorder{askWithKey(handler, key), ask(handler, key)} {
		if answer.Code != http.StatusUnauthorized {
			t.Errorf("got %d", answer.Code)
		}
	}
}

func TestKeysOfAnotherFormAndTwoCredentials(t *testing.T) {
	g := newGateway(t)
	g.answerWith(refuse)
	guard := newGuard(t, g.keyOptions())
	key, _ := newKey()
	for _, wrong := range []string{
		"x", "vst_", key + "0", key[:87], key[:87] + "g", strings.ToUpper(key), "vst_" + strings.Repeat("a", 84), g.token(nil), strings.Repeat("a", 10_000),
	} {
		if answer := askWithKey(guard.Protect(hello), wrong); answer.Code != http.StatusUnauthorized {
			t.Errorf("%.20s: got %d", wrong, answer.Code)
		}
	}
	if answer := askWithKey(guard.Protect(hello), key, key); answer.Code != http.StatusBadRequest {
		t.Errorf("two keys: got %d", answer.Code)
	}
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header.Set("X-API-Key", key)
	request.Header.Set("Authorization", "Bearer "+g.token(nil))
	answer := httptest.NewRecorder()
	if guard.Protect(hello).ServeHTTP(answer, request); answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), "malformed_request") {
		t.Errorf("two credentials: got %d", answer.Code)
	}
	if g.exchanged() != 0 {
		t.Errorf("exchanged %d times", g.exchanged())
	}
}

func TestRefusedKeysAreNotAskedForAgain(t *testing.T) {
	g := newGateway(t)
	g.answerWith(refuse)
	guard := newGuard(t, g.keyOptions())
	key, _ := newKey()
	for range 10 {
		answer := askWithKey(guard.Protect(hello), key)
		if answer.Code != http.StatusUnauthorized || answer.Header().Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
			t.Fatalf("got %d", answer.Code)
		}
	}
	if g.exchanged() != 1 {
		t.Errorf("exchanged %d times", g.exchanged())
	}
}

func TestTokensThatAreNotForThisService(t *testing.T) {
	g := newGateway(t)
	key, id := newKey()
	g.acceptKey(id, map[string]any{"aud": "another"})
	guard := newGuard(t, g.keyOptions())
	for range 3 {
		if reason := reasonOf(t, guard, key); reason != "token_claim_aud" {
			t.Fatalf("got %q", reason)
		}
	}
	if g.exchanged() != 1 {
		t.Errorf("exchanged %d times", g.exchanged())
	}
}

func TestGatewayThatCanNotBeAskedForKeys(t *testing.T) {
	for status, retryAfter := range map[int]string{429: "60", 500: "1", 503: "1", 404: "1", 421: "1", 302: "1", 400: "1", 200: "1"} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			handler := newGuard(t, g.keyOptions()).Protect(hello)
			known, id := newKey()
			g.acceptKey(id, nil)
			askWithKey(handler, known)
			g.answerWith(func(w http.ResponseWriter, _ string) {
				w.Header().Set("Retry-After", "500")
				w.WriteHeader(status)
			})
			other, otherID := newKey()
			for range 3 {
				answer := askWithKey(handler, other)
				if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") != retryAfter {
					t.Errorf("got %d, %s", answer.Code, answer.Header().Get("Retry-After"))
				}
			}
			if answer := askWithKey(handler, known); answer.Code != http.StatusOK {
				t.Errorf("the known key: got %d", answer.Code)
			}
			// It isn't asked again for a while.
			if g.exchanged() != 2 {
				t.Errorf("exchanged %d times", g.exchanged())
			}
			g.acceptKey(otherID, nil)
			if status != 429 {
				eventually(t, "the gateway", func() bool { return askWithKey(handler, other).Code == http.StatusOK })
			}
		})
	}
}

func TestMadeUpKeysDoNotSpendWhatKnownKeysNeed(t *testing.T) {
	g := newGateway(t)
	options := g.keyOptions()
	options.ClockTolerance = time.Nanosecond
	handler := newGuard(t, options).Protect(hello)
	known, id := newKey()
	past := time.Now().Unix()
	g.acceptKey(id, map[string]any{"iat": past - 600, "exp": past + 2})
	askWithKey(handler, known)
	g.answerWith(refuse)
	for range 40 {
		key, _ := newKey()
		askWithKey(handler, key)
	}
	if g.exchanged() != 31 {
		t.Errorf("exchanged %d times", g.exchanged())
	}
	key, otherID := newKey()
	g.acceptKey(otherID, nil)
	if answer := askWithKey(handler, key); answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") != "12" {
		t.Errorf("got %d", answer.Code)
	}
	g.acceptKey(id, nil)
	eventually(t, "the known key's exchange", func() bool {
		if answer := askWithKey(handler, known); answer.Code != http.StatusOK {
			t.Fatalf("got %d", answer.Code)
		}
		return g.exchanged() == 32
	})
}

func TestRevokedKeysAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	options := g.options()
	options.APIKeys = true
	guard := newGuard(t, options)
	key, id := newKey()
	g.acceptKey(id, nil)
	g.tellEverything(nil)
	if reason := reasonOf(t, guard, key); reason != "" {
		t.Fatalf("got %q", reason)
	}
	g.tell("x.1", g.message(map[string]any{"ended": idsOf(id)}))
	eventually(t, "the revocation", func() bool { return reasonOf(t, guard, key) == "session_ended" })
	if g.exchanged() != 1 {
		t.Errorf("exchanged %d times", g.exchanged())
	}
}

func TestOutdatedKeysAreExchangedAgain(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	options := g.options()
	options.APIKeys = true
	guard := newGuard(t, options)
	key, id := newKey()
	user := id[:35] + "0"
	g.acceptKey(id, nil)
	g.tellEverything(nil)
	reasonOf(t, guard, key)
	var moment int64
	for _, members := range []func() map[string]any{
		func() map[string]any { return map[string]any{"changed": [][]any{{user, moment}}} },
		func() map[string]any { return map[string]any{"everything_before": moment} },
	} {
		before := g.exchanged()
		// The first exchange after the change is one that began before it.
		old := newID()
		eventually(t, "the next millisecond", func() bool { moment = time.Now().UnixMilli(); return newID()[:13] > old[:13] })
		moment++
		count := 0
		g.answerWith(func(w http.ResponseWriter, _ string) {
			jti := newID()
			if count++; count == 1 {
				jti = old
			}
			eventually(t, "the next millisecond", func() bool { return time.Now().UnixMilli() > moment })
			if count > 1 {
				jti = newID()
			}
			writeToken(w, g.token(map[string]any{"sid": id, "sub": user, "jti": jti, "client_id": "api-key", "amr": []string{"api_key"}}))
		})
		g.tell("x.1", g.message(members()))
		eventually(t, "two exchanges", func() bool {
			if reason := reasonOf(t, guard, key); reason != "" {
				t.Fatalf("got %q", reason)
			}
			return g.exchanged() == before+2
		})
		reasonOf(t, guard, key)
		if g.exchanged() != before+2 {
			t.Errorf("exchanged %d times", g.exchanged())
		}
	}
}

func TestKeysAreExchangedAgainBeforeTheirTokenEnds(t *testing.T) {
	g := newGateway(t)
	options := g.keyOptions()
	options.ClockTolerance = time.Nanosecond
	handler := newGuard(t, options).Protect(hello)
	key, id := newKey()
	now := time.Now().Unix()
	g.acceptKey(id, map[string]any{"iat": now - 300, "exp": now + 20})
	if answer := askWithKey(handler, key); answer.Code != http.StatusOK {
		t.Fatalf("got %d", answer.Code)
	}
	// It is renewed beside requests, again and again while the gateway doesn't answer.
	g.answerWith(func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusBadGateway) })
	eventually(t, "two attempts", func() bool {
		if answer := askWithKey(handler, key); answer.Code != http.StatusOK {
			t.Fatalf("got %d", answer.Code)
		}
		return g.exchanged() == 3
	})
	// A key that was revoked is noticed then.
	g.answerWith(refuse)
	eventually(t, "the refusal", func() bool { return askWithKey(handler, key).Code == http.StatusUnauthorized })
}

func TestFloodOfKeys(t *testing.T) {
	g := newGateway(t)
	guard := newGuard(t, g.keyOptions())
	handler := guard.Protect(hello)
	known, id := newKey()
	g.acceptKey(id, nil)
	askWithKey(handler, known)
	var running, most atomic.Int64
	open := make(chan struct{})
	finish := sync.OnceFunc(func() { close(open) })
	t.Cleanup(finish)
	g.answerWith(func(w http.ResponseWriter, key string) {
		count := running.Add(1)
		defer running.Add(-1)
		for seen := most.Load(); count > seen && !most.CompareAndSwap(seen, count); seen = most.Load() {
		}
		<-open
		refuse(w, key)
	})
	var group sync.WaitGroup
	var refused, busy atomic.Int64
	for range 500 {
		group.Go(func() {
			key, _ := newKey()
			switch answer := askWithKey(handler, key); answer.Code {
			case http.StatusUnauthorized:
				refused.Add(1)
			case http.StatusServiceUnavailable:
				busy.Add(1)
			}
		})
	}
	eventually(t, "the flood", func() bool { return busy.Load() >= 500-8-64 && running.Load() == 8 })
	if answer := askWithKey(handler, known); answer.Code != http.StatusOK {
		t.Errorf("got %d", answer.Code)
	}
	finish()
	group.Wait()
	if most.Load() > 8 || refused.Load() > 8+64 || refused.Load()+busy.Load() != 500 {
		t.Errorf("%d at a time, %d refused, %d not asked for", most.Load(), refused.Load(), busy.Load())
	}
}
